// Who this page is to the others: an identity for as long as the tab lives, and a name that is kept.
import type { CSSProperties } from 'react';
import { AS_IS, t } from '../i18n/i18n';
import { Store } from '../state/store';

const IDENTITY_KEY = 'visavis.identity';
const NAME_KEY = 'visavis.name';

/** As in the room names' rules; longer names break every layout. */
export const LONGEST_NAME = 60;

export class OwnPerson {
  readonly name: Store<string>;
  readonly identity: string;
  readonly #storage: Storage | null;

  private constructor(identity: string, storage: Storage | null) {
    this.identity = identity;
    this.#storage = storage;
    this.name = new Store(storage?.getItem(NAME_KEY) ?? '');
  }

  /**
   * A reload keeps the identity, so that the server puts the new page in the old one's place at once. A duplicated tab copies the
   * session's storage too, but must be another person: a lock tells whether the other one still lives.
   */
  static async load(
    storage: Storage | null,
    session: Storage | null,
    locks: LockManager | undefined = navigator.locks,
  ): Promise<OwnPerson> {
    const kept = session?.getItem(IDENTITY_KEY) ?? null;
    const identity = kept !== null && (await claim(kept, locks)) ? kept : newIdentity();
    if (identity !== kept) {
      session?.setItem(IDENTITY_KEY, identity);
      void claim(identity, locks);
    }
    return new OwnPerson(identity, storage);
  }

  rename(name: string): void {
    this.name.set(name);
    this.#storage?.setItem(NAME_KEY, name);
  }

  /** Is called so here, as whoever embeds us says; the person's own name elsewhere stays as it is. */
  introduce(name: string): void {
    this.name.set(name);
  }

  /** What the others read: the name, or a stand-in that differs from person to person. */
  shownName(): string {
    return this.name.get().trim() || guestName(this.identity);
  }
}

export function guestName(identity: string): string {
  let hash = 0;
  for (const character of identity) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 9000;
  return t('shell:guest', { number: hash + 1000, ...AS_IS });
}

/** Up to two letters for a tile without a picture. */
export function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map(
    (word) => Array.from(word ?? '')[0] ?? '',
  );
  return letters.join('').toLocaleUpperCase() || '?';
}

/** The same colour for the same person everywhere, as a property of style. */
export function colourOf(identity: string): CSSProperties {
  let hue = 0;
  for (const character of identity) hue = (hue * 31 + (character.codePointAt(0) ?? 0)) % 360;
  return { '--hue': hue } as CSSProperties;
}

function newIdentity(): string {
  // crypto.randomUUID is for secure pages only; this works on plain http too.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Holds the identity for as long as this page lives; false if another page has it. */
function claim(identity: string, locks: LockManager | undefined): Promise<boolean> {
  if (!locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    locks
      .request(`visavis.identity.${identity}`, { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock === null ? undefined : new Promise<never>(() => undefined);
      })
      .catch(() => resolve(true));
  });
}
