// Runs something when the page is drawn and the browser has nothing better to do.

/** At the latest after so long, ms: a page that is never quite idle must not wait for ever. */
const LATEST = 2_000;

export function whenIdle(run: () => void): void {
  // Safari has none, whatever the type says.
  const request = (window as { requestIdleCallback?: typeof requestIdleCallback }).requestIdleCallback;
  if (request) request(run, { timeout: LATEST });
  else setTimeout(run, 200);
}
