// Who has come and gone, in few words: one by one by name, but when many come at once, as at the beginning of a meeting, how many.
import { t } from '../i18n/i18n';

/** Who comes or goes within so long of the last told is told with others, ms. */
const WINDOW = 1_500;
/** So many are told by name. */
const NAMED = 3;

export class Presence {
  readonly #tell: (text: string) => void;
  #joined: string[] = [];
  #left: string[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tell: (text: string) => void) {
    this.#tell = tell;
  }

  joined(name: string): void {
    this.#joined.push(name);
    this.#schedule();
  }

  left(name: string): void {
    this.#left.push(name);
    this.#schedule();
  }

  /** The person is no longer in the room: what was not told yet is of no interest. */
  reset(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#joined = [];
    this.#left = [];
  }

  /** The first at once, whoever comes soon after them together. */
  #schedule(): void {
    if (this.#timer === undefined) this.#flush();
  }

  #flush(): void {
    this.#timer = undefined;
    const [joined, left] = [this.#joined, this.#left];
    if (joined.length + left.length === 0) return;
    this.reset();
    this.#tell([...sentences(joined, 'joined'), ...sentences(left, 'left')].join(' '));
    this.#timer = setTimeout(() => this.#flush(), WINDOW);
  }
}

function sentences(names: readonly string[], what: 'joined' | 'left'): string[] {
  if (names.length > NAMED) return [t(`call:${what}Many`, { count: names.length })];
  return names.map((name) => t(`call:${what}By`, { name }));
}
