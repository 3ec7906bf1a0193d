// Does something once, however often it is asked for before the next frame is drawn. Of the two dozen tracks that come at once with a
// room each is an event: drawing the room for every one of them costs a long task.

/** The longest wait, ms: a page that nobody looks at draws no frames. */
const LONGEST = 100;

export class OncePerFrame {
  readonly #run: () => void;
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(run: () => void) {
    this.#run = run;
  }

  readonly call = (): void => {
    if (this.#timer !== undefined) return;
    this.#frame = requestAnimationFrame(this.#now);
    this.#timer = setTimeout(this.#now, LONGEST);
  };

  cancel(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  readonly #now = (): void => {
    this.cancel();
    this.#run();
  };
}
