// The address of the page and the call follow each other: the address names the room and, behind `#`, the key that it is encrypted by.
import type { Call } from '../call/call';
import type { Keys } from '../encryption/key';
import { basePath, pathOfRoom, roomOfPath } from './address';
import { fragmentOf, parseFragment } from './fragment';

/** Joins the room that the address names, and keeps the address of the room one is in. */
export function followAddress(call: Call, keys: Keys): void {
  const base = basePath();
  const go = () => {
    const room = roomOfPath(location.pathname, base);
    if (room === null) {
      call.leave();
      return;
    }
    keys.take(room, parseFragment(location.hash));
    void call.join(room);
  };
  // Also when nothing but the fragment has changed, as by a link of the same room with a key.
  window.addEventListener('popstate', go);
  go();
  const follow = () => {
    const { room } = call.view.get();
    const path = pathOfRoom(room, base);
    const hash = room === null ? '' : fragmentOf({ key: keys.of(room) });
    if (location.pathname !== path) history.pushState(null, '', path + hash);
    else if (location.hash !== hash) history.replaceState(history.state, '', path + location.search + hash);
  };
  call.view.subscribe(follow);
  follow();
}

/** In a page that embeds us the address stays as it was given: going back belongs to that page. */
export function joinAddress(call: Call, keys: Keys, room: string, join: boolean): void {
  keys.take(room, parseFragment(location.hash));
  if (join) void call.join(room);
}
