// Waits until the page is drawn, or until the browser has nothing better to do.

/** At the latest after so long, ms: a page that is never quite idle must not wait for ever. */
const LATEST = 2_000;

export function whenIdle(run: () => void): void {
  // Safari has none, whatever the type says.
  const request = (window as { requestIdleCallback?: typeof requestIdleCallback }).requestIdleCallback;
  if (request) request(run, { timeout: LATEST });
  else setTimeout(run, 200);
}

/** Ends a task, so that the browser draws and answers before the next one; goes on at once if there is nothing of that. */
export function breath(): Promise<void> {
  // Not everywhere, whatever the type says.
  const { scheduler } = window as { scheduler?: { yield?: () => Promise<void> } };
  return scheduler?.yield?.() ?? new Promise((resolve) => setTimeout(resolve));
}

/** Runs when words or pictures of the page were drawn: the background alone, which comes first, is nothing to see. */
export function whenPainted(run: () => void): void {
  // Not in every test's browser, whatever the type says.
  const Observer = (window as { PerformanceObserver?: typeof PerformanceObserver }).PerformanceObserver;
  if (!Observer) return;
  new Observer((entries, observer) => {
    if (entries.getEntriesByName('first-contentful-paint').length === 0) return;
    observer.disconnect();
    run();
  }).observe({ type: 'paint', buffered: true });
}

/** A page in the background is not drawn, and must not wait for ever either, ms. */
const DRAWN = 500;

/**
 * Resolves when something of the page was drawn. What is large and not needed for that waits for it: on a slow network it would take
 * its share of the line from what is.
 */
export function painted(): Promise<void> {
  return new Promise((resolve) => {
    if (document.visibilityState === 'hidden') {
      resolve();
      return;
    }
    setTimeout(resolve, DRAWN);
    whenPainted(resolve);
  });
}
