// Notices that media has stopped while signalling goes on. So it is in a cluster when the node of the room has died and the person's
// signalling goes by way of another: that one tells nobody for as long as it waits for Redis, and the client library itself waits until
// the browser calls the connection failed, a quarter of a minute.

/** A browser says `disconnected` after some seconds without an answer; most holes in a network are over so soon after. */
const PATIENCE = 2_000;
const EVERY = 500;

/**
 * Looks at connections until the returned function is called.
 *
 * @param states of all connections that carry media
 * @param lost called when one has been disconnected for a while, and again after each further while
 */
export function watchMedia(states: () => readonly RTCPeerConnectionState[], lost: () => void): () => void {
  let intact = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    if (!states().includes('disconnected')) intact = now;
    if (now - intact < PATIENCE) return;
    intact = now;
    lost();
  }, EVERY);
  return () => clearInterval(timer);
}
