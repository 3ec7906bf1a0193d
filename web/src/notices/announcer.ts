// What screen readers are told, one thing after the other. Each is an element of its own in a live region that was there before it, so
// that several in a moment are all heard, in order, also when they say the same; taking them away again is not told.
import { Store } from '../state/store';

/** `assertive` interrupts what is being read. */
export type Urgency = 'polite' | 'assertive';

export interface Line {
  key: number;
  text: string;
  urgency: Urgency;
  /** The region that has it: only one, or it would be heard twice. */
  region: number;
}

/** Between one and the next: what comes into a region at once, some screen readers read only the last of. */
export const GAP = 150;
/** A screen reader has taken it by then; who walks to the region finds what was said lately. */
export const LASTS = 10_000;

export class Announcer {
  readonly lines = new Store<readonly Line[]>([]);
  #keys = 0;
  #regions: readonly number[] = [];
  #waiting: Pick<Line, 'text' | 'urgency'>[] = [];
  #isPaused = false;

  /** A region that has come: what is said from now on is said there, until it goes. Behind a dialog nothing is heard. */
  enter(region: number): () => void {
    this.#regions = [...this.#regions, region];
    this.#schedule();
    return () => {
      this.#regions = this.#regions.filter((each) => each !== region);
    };
  }

  newRegion(): number {
    return ++this.#keys;
  }

  say(text: string, urgency: Urgency = 'polite'): void {
    this.#waiting.push({ text, urgency });
    this.#schedule();
  }

  /** Also the first waits: a region that has just come has to be known before it says anything. */
  #schedule(): void {
    if (this.#isPaused || this.#waiting.length === 0) return;
    this.#isPaused = true;
    setTimeout(() => this.#next(), GAP);
  }

  #next(): void {
    this.#isPaused = false;
    const region = this.#regions.at(-1);
    if (region === undefined) return; // The next region that comes says it.
    const next = this.#waiting.shift();
    if (!next) return;
    const line = { ...next, key: ++this.#keys, region };
    this.lines.set([...this.lines.get(), line]);
    setTimeout(() => this.lines.set(this.lines.get().filter((each) => each !== line)), LASTS);
    this.#schedule();
  }
}
