// Where the operator's token comes from: the address's fragment, which no server and no log sees, or what this tab kept.

const KEY = 'visavis.admin-token';

/** The token, or null; one in the fragment is kept and taken out of the address, which people share and screens show. */
export function takeToken(location: Location, history: History, storage: Storage | null): string | null {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given === null) return storage?.getItem(KEY) ?? null;
  history.replaceState(history.state, '', location.pathname + location.search);
  keepToken(given, storage);
  return given;
}

/** For as long as the tab lives; null: no longer. */
export function keepToken(token: string | null, storage: Storage | null): void {
  if (token === null) storage?.removeItem(KEY);
  else storage?.setItem(KEY, token);
}
