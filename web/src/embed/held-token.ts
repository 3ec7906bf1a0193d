// The token that an application which embeds us has minted for the person: it comes behind `#`, is taken out of the address at once, so
// that no copied link has it, and is kept with the entry of the browser's history, so that a reload has it still.
import { ApiError, type Ticket, type VideoApi } from '../rooms/api';
import { parseFragment } from '../shell/fragment';

const KEPT = 'visavisToken';

/** The token of the address, or of the same page before it was loaded again. */
export function takeToken(page: Pick<Window, 'location' | 'history'>): string | null {
  const { location, history } = page;
  const state = (history.state ?? {}) as Record<string, unknown>;
  const { token } = parseFragment(location.hash);
  if (token === null) return typeof state[KEPT] === 'string' ? state[KEPT] : null;
  const others = location.hash
    .replace(/^#/, '')
    .split('&')
    .filter((part) => !part.startsWith('token='));
  const hash = others.length > 0 ? `#${others.join('&')}` : '';
  history.replaceState({ ...state, [KEPT]: token }, '', location.pathname + location.search + hash);
  return token;
}

/** What joins with this token: as it is where it names a room, else exchanged for one that does. */
export function withToken(api: VideoApi, token: string, base: string = document.baseURI): VideoApi {
  // Whoever has minted it makes the rooms: joining is all there is to do here.
  return {
    ...api,
    create: () => Promise.resolve(null),
    ticket: (_, room) => ticketFor(api, token, room, base),
    knock: (_, room, signal) => api.wait(token, room, signal),
  };
}

async function ticketFor(api: VideoApi, token: string, room: string, base: string): Promise<Ticket> {
  const { identity, room: named } = claimsOf(token);
  if (named === '') return api.exchange(token, room);
  if (named !== room)
    throw new ApiError(`the token is for the room “${named}”, and this is “${room}”`, 403, 'wrong_room');
  return { token, url: new URL('.', base).href.replace(/^http/, 'ws').replace(/\/$/, ''), identity };
}

/** What the token says: read, not checked, which is the server's to do. */
function claimsOf(token: string): { identity: string; room: string } {
  try {
    const part = (token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/');
    const bytes = Uint8Array.from(atob(part), (character) => character.charCodeAt(0));
    const { sub, video } = JSON.parse(new TextDecoder().decode(bytes)) as { sub?: string; video?: { room?: string } };
    return { identity: sub ?? '', room: video?.room ?? '' };
  } catch {
    throw new ApiError(
      'the token in the address is none: it must be a JWT that the server’s API has minted',
      401,
      'invalid_token',
    );
  }
}
