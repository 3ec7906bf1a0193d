// Keeps the screen on during a call. Browsers take that back whenever the page is hidden, so it is asked for again when shown.
import type { Readable } from '../state/store';

type Locks = Pick<WakeLock, 'request'>;

export function keepScreenOn(page: Document, call: Readable<{ room: string | null }>, locks: Locks | undefined): void {
  if (!locks) return;
  let lock: WakeLockSentinel | null = null;
  let isAsking = false;
  const isWanted = () => call.get().room !== null && !page.hidden;
  const follow = async () => {
    if (isAsking) return;
    if (!isWanted()) {
      // Released by the browser already, or wanted no longer.
      const old = lock;
      lock = null;
      await old?.release().catch(() => undefined);
      return;
    }
    if (lock && !lock.released) return;
    isAsking = true;
    // Refused on a battery that is nearly empty: then the screen goes off as it always does.
    lock = await locks.request('screen').catch(() => null);
    isAsking = false;
    if (!isWanted() || lock?.released) void follow();
  };
  call.subscribe(() => void follow());
  page.addEventListener('visibilitychange', () => void follow());
}
