/**
 * What a page has shown, and when: pictures of others, the list of rooms, what it said of its connection. For tests that ask
 * afterwards whether somebody who looked at it all the time would have noticed anything.
 */

/** Times are milliseconds since the epoch. */
export interface Told {
  /** By the identity of who is in the picture. */
  pictures: Record<string, number[]>;
  /** How many the list of rooms says are where, each time that it has changed. */
  lists: [at: number, counts: Record<string, number>][];
  /** Kinds of the notices about the connection, as they came up. */
  notices: [at: number, kind: string][];
}

const CONNECTION = new Set(['reconnecting', 'reconnected', 'disconnected', 'join-failed']);

export class Diary {
  readonly #told: Told = { pictures: {}, lists: [], notices: [] };
  readonly #watched = new WeakSet<HTMLVideoElement>();
  #shown = new Set<Element>();
  #waiting: (() => void)[] = [];

  /** From now on everything is written down. */
  begin(): void {
    const everything = { subtree: true, childList: true, characterData: true, attributes: true };
    new MutationObserver(() => this.#look()).observe(document, everything);
    this.#look();
  }

  /** All that happened since a time. */
  since(time: number): Told {
    const { pictures, lists, notices } = this.#told;
    const before = lists.filter(([at]) => at < time).slice(-1);
    return {
      pictures: Object.fromEntries(
        Object.entries(pictures).map(([identity, times]) => [identity, times.filter((at) => at >= time)]),
      ),
      lists: [...before, ...lists.filter(([at]) => at >= time)],
      notices: notices.filter(([at]) => at >= time),
    };
  }

  /** Waits for a picture of each of them that is shown later than a time; answers when the last of them was. */
  sees(identities: string[], time: number): Promise<number> {
    return this.#until(() => {
      const first = identities.map((identity) => this.#told.pictures[identity]?.find((at) => at > time));
      return first.every((at) => at !== undefined) ? Math.max(...first) : null;
    });
  }

  /** Waits until the list says so many are in these rooms; answers since when, `time` at the earliest. */
  lists(counts: Record<string, number>, time: number): Promise<number> {
    return this.#until(() => {
      const [at, last] = this.#told.lists.at(-1) ?? [];
      if (at === undefined || !last) return null;
      return Object.entries(counts).every(([room, count]) => last[room] === count) ? Math.max(at, time) : null;
    });
  }

  async #until<T>(found: () => T | null): Promise<T> {
    for (;;) {
      const answer = found();
      if (answer !== null) return answer;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #look(): void {
    const at = now();
    for (const video of document.querySelectorAll<HTMLVideoElement>('[data-testid="tile"][data-local="false"] video')) {
      if (!this.#watched.has(video)) this.#watch(video);
    }
    const list = document.querySelector('[data-testid="room-list"]');
    if (list) {
      const counts = Object.fromEntries(
        [...list.querySelectorAll<HTMLElement>('[data-room]')].map((row) => [
          row.dataset['room'] ?? '',
          parseInt(row.querySelector('[data-testid="room-count"]')?.textContent ?? '', 10),
        ]),
      );
      const last = this.#told.lists.at(-1)?.[1];
      if (JSON.stringify(counts) !== JSON.stringify(last)) this.#told.lists.push([at, counts]);
    }
    const shown = new Set<Element>(document.querySelectorAll('[data-testid="notice"]'));
    for (const notice of shown) {
      const kind = (notice as HTMLElement).dataset['kind'] ?? '';
      const [, last] = this.#told.notices.at(-1) ?? [];
      // One notice takes the place of another in the same element.
      if (CONNECTION.has(kind) && !(this.#shown.has(notice) && last === kind)) this.#told.notices.push([at, kind]);
    }
    this.#shown = shown;
    this.#tell();
  }

  #tell(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #watch(video: HTMLVideoElement): void {
    this.#watched.add(video);
    const next = () => {
      const identity = video.closest<HTMLElement>('[data-testid="tile"]')?.dataset['identity'];
      if (identity !== undefined) (this.#told.pictures[identity] ??= []).push(now());
      this.#tell();
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
  }
}

function now(): number {
  return performance.timeOrigin + performance.now();
}
