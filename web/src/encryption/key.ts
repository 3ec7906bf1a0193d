// Keys of encrypted calls: 128 random bits in base64url, which stand behind `#` in a room's link and never leave the browser. This page
// keeps them in memory alone, for as long as it lives; a reload finds the one of its room in the address.
import type { Fragment } from '../shell/fragment';

/** 16 bytes in base64url; longer ones of other makers are keys, too. */
const FORM = /^[A-Za-z0-9_-]{22,128}$/;

export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, '-')
    .replace(/\//g, '_')
    .replace(/=+$/, '');
}

export function isKey(text: string): boolean {
  return FORM.test(text);
}

/** An encrypted call cannot be: why, for people. Never goes on without. */
export class CannotEncrypt extends Error {
  override readonly name = 'CannotEncrypt';
}

/** Whose calls are encrypted by what. */
export class Keys {
  readonly #keys = new Map<string, string>();

  /** The room's key as its address has it. A damaged one is kept, so that joining says so instead of going on without. */
  take(room: string, { key }: Pick<Fragment, 'key'>): void {
    if (key !== null) this.#keys.set(room, key);
  }

  of(room: string): string | null {
    return this.#keys.get(room) ?? null;
  }

  /** A new key for a room. Who is in it with another one, or none, is cut off from those who have this. */
  make(room: string): string {
    const key = newKey();
    this.#keys.set(room, key);
    return key;
  }
}
