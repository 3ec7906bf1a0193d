// What the page has to say: each notice has a slot, and a new one in a slot takes the place of the old. Screen readers are told of each by
// the announcer: what comes as a live region of its own, with its words already in it, many of them do not read.
import { Store } from '../state/store';
import { Announcer } from './announcer';

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
  readonly announcer = new Announcer();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  show(notice: Notice): void {
    const before = this.shown.get().find(({ slot }) => slot === notice.slot);
    // Whether it is told urgently is the notice's tone; what is shown still was told.
    if (before?.text !== notice.text) this.announcer.say(notice.text, notice.tone === 'bad' ? 'assertive' : 'polite');
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

  /** Tells screen readers alone. */
  announce(text: string): void {
    this.announcer.say(text);
  }
}
