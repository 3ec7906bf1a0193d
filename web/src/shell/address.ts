// Addresses of the page: `<base>/` is home, `<base>/r/<name>` is a room, `<base>/test` tests the connection. The base is what the server says in `<base href>`.

/** The room that a path names, or null at home. */
export function roomOfPath(path: string, base: string): string | null {
  if (!path.startsWith(`${base}r/`)) return null;
  const encoded = path.slice(base.length + 2);
  if (encoded === '') return null;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded; // A stray % sign: the name as it was typed.
  }
}

/** The path of a room. A name that browsers would take for a folder (".", "..") has none and stays at home. */
export function pathOfRoom(room: string | null, base: string): string {
  return room === null || room === '.' || room === '..' ? base : `${base}r/${encodeURIComponent(room)}`;
}

/** True at the page that tests the connection. */
export function isCheckupPath(path: string, base: string): boolean {
  return path === `${base}${CHECKUP}`;
}

/** Relative to the base, as links are. */
export const CHECKUP = 'test';

/** The path of the page's base, with a slash at its end. */
export function basePath(): string {
  return new URL('.', document.baseURI).pathname;
}
