// What stands behind `#` in the address of a room: never sent to any server, not in a request and not as a referrer.

export interface Fragment {
  /** What lets one in: minted by an application that embeds us. */
  token: string | null;
  /** The key that a call is encrypted by, from end to end. */
  key: string | null;
}

const TOKEN = 'token';
const KEY = 'e2ee';

export function parseFragment(hash: string): Fragment {
  const parts = new URLSearchParams(hash.replace(/^#/, ''));
  return { token: parts.get(TOKEN), key: parts.get(KEY) };
}

/** The fragment for an address, `#` included; empty if there is nothing to say. Tokens are a person's own: no address gets one. */
export function fragmentOf({ key }: Pick<Fragment, 'key'>): string {
  return key === null ? '' : `#${KEY}=${key}`;
}
