// Looks at the connection once a second, while somebody wants to know.
import { Store } from '../state/store';
import { figuresOf, type Figures, type Sample } from './figures';

const EVERY = 1_000;
/** Who opens the panel waits for the second look: it comes sooner. */
const SECOND = 500;

export class ConnectionMonitor {
  /** Whether the panel is open. */
  readonly isOpen = new Store(false);
  readonly figures = new Store<Figures | null>(null);
  readonly #sample: () => Promise<Sample | null>;
  #watchers = 0;
  #before: Sample | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(sample: () => Promise<Sample | null>) {
    this.#sample = sample;
  }

  /** Looks until the function it returns is called. */
  watch(): () => void {
    this.#watchers += 1;
    if (this.#watchers === 1) void this.#look();
    return () => {
      this.#watchers -= 1;
      if (this.#watchers > 0) return;
      clearTimeout(this.#timer);
      this.#before = null;
      this.figures.set(null);
    };
  }

  async #look(): Promise<void> {
    // A connection that closes meanwhile has nothing to tell.
    const now = await this.#sample().catch(() => null);
    if (this.#watchers === 0) return;
    // Rates need two looks: after the first one everything would seem to stand still.
    this.figures.set(now && this.#before && figuresOf(now, this.#before, this.figures.get()));
    const next = this.#before === null ? SECOND : EVERY;
    this.#before = now;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), next);
  }
}
