// Notices that the page was asleep: its machine slept, the browser froze it, it was hidden, or the network was away. Whoever depends on
// time or devices is told, and looks anew at once instead of waiting until something times out.

/** `shown`: looked at again; `online`: the network is back; `slept`: no script ran for a while, whatever kept it. */
export type Wake = 'shown' | 'online' | 'slept';

const EVERY = 2_000;
/** Servers and browsers give a connection up after about so long without a sign. Throttled timers of hidden pages come sooner, in a call. */
const LONG = 15_000;

export class Waking {
  readonly #listeners = new Set<(wake: Wake) => void>();
  #last: number;

  constructor(page: Window, now: () => number = () => Date.now()) {
    this.#last = now();
    const look = () => {
      const gap = now() - this.#last;
      this.#last = now();
      return gap >= LONG;
    };
    // The clock of the day, which goes on while the machine sleeps; the clock of timers does not everywhere.
    page.setInterval(() => {
      if (look()) this.#tell('slept');
    }, EVERY);
    const { document } = page;
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.#tell(look() ? 'slept' : 'shown');
    });
    document.addEventListener('resume', () => {
      look();
      this.#tell('slept');
    });
    page.addEventListener('online', () => this.#tell('online'));
  }

  listen(listener: (wake: Wake) => void): void {
    this.#listeners.add(listener);
  }

  #tell(wake: Wake): void {
    for (const listener of this.#listeners) listener(wake);
  }
}
