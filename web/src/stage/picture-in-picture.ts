// A small window above all others, with what is large in the call: a document of ours where the browser has such windows (Chromium), else
// one `<video>` (Safari). Older Firefox has neither for pages; its users have a button of the browser's on each video.
import { Store } from '../state/store';

interface DocumentPictureInPicture {
  requestWindow(options: { width: number; height: number }): Promise<Window>;
}

declare global {
  interface Window {
    documentPictureInPicture?: EventTarget & DocumentPictureInPicture & { readonly window?: Window | null };
  }
}

export class PictureInPicture {
  /** The small window while there is one of ours to draw in. */
  readonly window = new Store<Window | null>(null);
  readonly isPossible: boolean;
  /** Whether one video can be shown so, besides. */
  readonly canShowVideo: boolean;
  readonly #page: Window;

  constructor(page: Window) {
    this.#page = page;
    // Older Firefox lacks the property.
    this.canShowVideo = 'pictureInPictureEnabled' in page.document && page.document.pictureInPictureEnabled;
    this.isPossible = page.documentPictureInPicture !== undefined || this.canShowVideo;
  }

  /** Opens the small window, or closes it. `video` is what is shown where the window can hold nothing else. */
  async toggle(video: () => HTMLVideoElement | null): Promise<void> {
    const { document, documentPictureInPicture } = this.#page;
    if (this.window.get() || document.pictureInPictureElement) return this.close();
    if (documentPictureInPicture) await this.#open(documentPictureInPicture);
    else await this.showVideo(video());
  }

  /** Shows one video in a window of the browser's own. */
  async showVideo(video: HTMLVideoElement | null): Promise<void> {
    // Refused while there is no frame yet, or no click asked for it: then nothing opens.
    await video?.requestPictureInPicture().catch(() => undefined);
  }

  async close(): Promise<void> {
    this.window.get()?.close();
    const { document } = this.#page;
    if (document.pictureInPictureElement) await document.exitPictureInPicture();
  }

  async #open(opener: DocumentPictureInPicture): Promise<void> {
    const small = await opener.requestWindow({ width: 400, height: 280 }).catch(() => null);
    if (!small) return;
    for (const sheet of this.#page.document.querySelectorAll('style, link[rel="stylesheet"]')) {
      small.document.head.append(small.document.importNode(sheet, true));
    }
    const { lang, dir, dataset } = this.#page.document.documentElement;
    Object.assign(small.document.documentElement, { lang, dir });
    Object.assign(small.document.documentElement.dataset, dataset);
    small.document.title = this.#page.document.title;
    small.addEventListener('pagehide', () => this.window.set(null));
    this.window.set(small);
  }
}
