// Full screen, of the whole page (so that notices, menus and dialogs are seen there, too) with the stage in it, or one tile alone.
import { Store } from '../state/store';

export interface FullScreenView {
  isFull: boolean;
  /** The key of the tile that is shown alone. */
  tile: string | null;
}

type Page = Pick<Document, 'fullscreenEnabled' | 'fullscreenElement' | 'exitFullscreen' | 'addEventListener'> & {
  documentElement: Pick<HTMLElement, 'requestFullscreen'>;
};

const OFF: FullScreenView = { isFull: false, tile: null };

export class FullScreen {
  readonly view = new Store<FullScreenView>(OFF);
  /** Telephones have it for videos only, and frames only if the page around them allows it. */
  readonly isPossible: boolean;
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
    this.isPossible = 'fullscreenEnabled' in page && page.fullscreenEnabled;
    // Escape is the browser's own way out.
    page.addEventListener('fullscreenchange', () => {
      if (!page.fullscreenElement) this.view.set(OFF);
    });
  }

  /** Into full screen, with one tile alone if its key is given; out of it if that is what is shown already. */
  async toggle(tile: string | null = null): Promise<void> {
    const before = this.view.get();
    if (before.isFull && before.tile === tile) return this.leave();
    if (!this.#page.fullscreenElement) {
      // Browsers refuse it unless a key or a click asked for it just now; then all stays as it is.
      const isRefused = await this.#page.documentElement.requestFullscreen({ navigationUI: 'hide' }).then(
        () => false,
        () => true,
      );
      if (isRefused) return;
    }
    this.view.set({ isFull: true, tile });
  }

  async leave(): Promise<void> {
    this.view.set(OFF);
    if (this.#page.fullscreenElement) await this.#page.exitFullscreen();
  }
}
