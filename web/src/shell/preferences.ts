// Small likings that are kept: so far whether single keys are shortcuts (WCAG 2.1.4 wants a way to turn them off).
import { Store } from '../state/store';

const KEY = 'visavis.shortcuts';

export class Preferences {
  readonly singleKeys: Store<boolean>;
  readonly #storage: Storage | null;

  constructor(storage: Storage | null) {
    this.#storage = storage;
    this.singleKeys = new Store(storage?.getItem(KEY) !== 'off');
  }

  setSingleKeys(on: boolean): void {
    this.singleKeys.set(on);
    this.#storage?.setItem(KEY, on ? 'on' : 'off');
  }
}
