import { beforeEach, expect, it, vi } from 'vitest';
import { FullScreen } from './full-screen';

/** A page in a browser that has full screen. */
class FakePage extends EventTarget {
  fullscreenEnabled = true;
  fullscreenElement: Element | null = null;
  readonly documentElement = {
    requestFullscreen: vi.fn(() => {
      this.#become(document.body);
      return Promise.resolve();
    }),
  };
  readonly exitFullscreen = vi.fn(() => {
    this.#become(null);
    return Promise.resolve();
  });

  #become(element: Element | null): void {
    this.fullscreenElement = element;
    this.dispatchEvent(new Event('fullscreenchange'));
  }
}

let page: FakePage;
let fullScreen: FullScreen;

beforeEach(() => {
  page = new FakePage();
  fullScreen = new FullScreen(page);
});

it('goes into full screen, and out by the same key', async () => {
  await fullScreen.toggle();
  expect(fullScreen.view.get()).toEqual({ isFull: true, tile: null });
  await fullScreen.toggle();
  expect(fullScreen.view.get()).toEqual({ isFull: false, tile: null });
  expect(page.fullscreenElement).toBeNull();
});

it('goes from the stage to one tile without leaving it', async () => {
  await fullScreen.toggle();
  await fullScreen.toggle('bob camera');
  expect(fullScreen.view.get()).toEqual({ isFull: true, tile: 'bob camera' });
  expect(page.documentElement.requestFullscreen).toHaveBeenCalledOnce();
});

it('knows that the browser left it', async () => {
  await fullScreen.toggle('bob camera');
  await page.exitFullscreen();
  expect(fullScreen.view.get()).toEqual({ isFull: false, tile: null });
});

it('stays as it is when the browser refuses', async () => {
  page.documentElement.requestFullscreen.mockRejectedValueOnce(new TypeError('no gesture'));
  await fullScreen.toggle('bob camera');
  expect(fullScreen.view.get().isFull).toBe(false);
});

it('is not possible where the browser has none, or forbids it', () => {
  expect(fullScreen.isPossible).toBe(true);
  page.fullscreenEnabled = false;
  expect(new FullScreen(page).isPossible).toBe(false);
});
