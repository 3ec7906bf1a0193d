// Fetches the code of calls, which is most of the page: ahead while the browser has nothing else to do, or when a room is joined.
import type { ComponentType } from 'react';
import type { Engine } from '../call/call';
import { NotLoaded } from '../call/reasons';
import { Store } from '../state/store';

/** A call's code, started: what carries it, and the page that shows it. */
export interface CallCode extends Engine {
  Page: ComponentType<{ room: string }>;
}

export interface CallLoaderParts {
  fetch: () => Promise<CallCode>;
  /** Resolves if the server answers. */
  reach: () => Promise<unknown>;
  /** Makes the page anew, at its address. */
  reload: () => void;
}

export class CallLoader {
  /** Null until it is there. */
  readonly code = new Store<CallCode | null>(null);
  readonly #parts: CallLoaderParts;
  #loading: Promise<CallCode> | null = null;
  #hasFailed = false;

  constructor(parts: CallLoaderParts) {
    this.#parts = parts;
  }

  /**
   * The code, fetched once. Rejects with `NotLoaded`. Browsers remember that a script failed, and a newer server has scripts of other
   * names: so after a failure only a fresh page helps, as soon as there is a server to give one. Its address names the room.
   */
  load(): Promise<CallCode> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  /** Fetches ahead. If that fails, the person has asked for nothing yet. */
  async loadAhead(): Promise<void> {
    if (this.#hasFailed) return;
    await this.load().catch(() => undefined);
  }

  async #load(): Promise<CallCode> {
    try {
      if (this.#hasFailed) {
        await this.#parts.reach();
        this.#parts.reload();
        return await new Promise<never>(() => undefined);
      }
      const code = await this.#parts.fetch();
      this.code.set(code);
      return code;
    } catch (error) {
      this.#hasFailed = true;
      this.#loading = null;
      throw new NotLoaded(error);
    }
  }
}
