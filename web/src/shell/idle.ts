// Waits until the page is drawn, or until the browser has nothing better to do.

/** At the latest after so long, ms: a page that is never quite idle must not wait for ever. */
const LATEST = 2_000;

export function whenIdle(run: () => void): void {
  // Safari has none, whatever the type says.
  const request = (window as { requestIdleCallback?: typeof requestIdleCallback }).requestIdleCallback;
  if (request) request(run, { timeout: LATEST });
  else setTimeout(run, 200);
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
    // Not in every test's browser, whatever the type says.
    const Observer = (window as { PerformanceObserver?: typeof PerformanceObserver }).PerformanceObserver;
    if (!Observer) return;
    new Observer((_, observer) => {
      observer.disconnect();
      resolve();
    }).observe({ type: 'paint', buffered: true });
  });
}
