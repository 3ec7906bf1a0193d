// What the page has to say: each notice has a slot, and a new one in a slot takes the place of the old.
import { Store } from '../state/store';

export type Tone = 'info' | 'good' | 'warning' | 'bad';

export interface NoticeAction {
  label: string;
  run: () => void;
}

export interface Notice {
  slot: string;
  kind: string;
  tone: Tone;
  text: string;
  /** Milliseconds until it goes by itself; null: stays until dismissed or no longer true. */
  lasts: number | null;
  action?: NoticeAction;
  otherAction?: NoticeAction;
}

export class Notices {
  readonly shown = new Store<readonly Notice[]>([]);
  /** The last thing told to screen readers alone. */
  readonly announced = new Store<string>('');
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  show(notice: Notice): void {
    this.dismiss(notice.slot);
    this.shown.set([...this.shown.get(), notice]);
    if (notice.lasts !== null) {
      this.#timers.set(
        notice.slot,
        setTimeout(() => this.dismiss(notice.slot), notice.lasts),
      );
    }
  }

  dismiss(slot: string): void {
    clearTimeout(this.#timers.get(slot));
    this.#timers.delete(slot);
    const left = this.shown.get().filter((notice) => notice.slot !== slot);
    if (left.length !== this.shown.get().length) this.shown.set(left);
  }

  announce(text: string): void {
    // The same words twice would not be read again; a no-break space more makes them another text.
    this.announced.set(this.announced.get() === text ? `${text}\u00a0` : text);
  }
}
