import { beforeEach, describe, expect, it, vi } from 'vitest';
import { PictureInPicture } from './picture-in-picture';

/** A page in a browser, with the windows it has. */
function pageWith(more: object, ofDocument: object = {}): Window {
  const page = document.implementation.createHTMLDocument('alpha · Visavis');
  page.head.innerHTML += '<link rel="stylesheet" href="look.css"><script></script>';
  return { document: Object.assign(page, ofDocument), ...more } as unknown as Window;
}

class FakeSmallWindow extends EventTarget {
  readonly document = document.implementation.createHTMLDocument();
  close(): void {
    this.dispatchEvent(new Event('pagehide'));
  }
}

const none = () => null;

describe('where windows can hold a document', () => {
  let small: FakeSmallWindow;
  let pictureInPicture: PictureInPicture;
  const requestWindow = vi.fn();

  beforeEach(() => {
    small = new FakeSmallWindow();
    requestWindow.mockReset().mockResolvedValue(small);
    pictureInPicture = new PictureInPicture(pageWith({ documentPictureInPicture: { requestWindow } }));
  });

  it('it opens with the look of the page, and closes by the same key', async () => {
    await pictureInPicture.toggle(none);
    expect(pictureInPicture.window.get()).toBe(small);
    expect([...small.document.head.querySelectorAll('link, script')].map(({ tagName }) => tagName)).toEqual(['LINK']);
    expect(small.document.title).toBe('alpha · Visavis');
    await pictureInPicture.toggle(none);
    expect(pictureInPicture.window.get()).toBeNull();
    expect(requestWindow).toHaveBeenCalledOnce();
  });

  it('it is gone when the person closes it', async () => {
    await pictureInPicture.toggle(none);
    small.close();
    expect(pictureInPicture.window.get()).toBeNull();
  });

  it('nothing opens when the browser refuses', async () => {
    requestWindow.mockRejectedValue(new DOMException('no gesture', 'NotAllowedError'));
    await pictureInPicture.toggle(none);
    expect(pictureInPicture.window.get()).toBeNull();
  });
});

it('where they can hold a video only, that of who leads is shown', async () => {
  const requestPictureInPicture = vi.fn(() => Promise.resolve());
  const pictureInPicture = new PictureInPicture(pageWith({}, { pictureInPictureEnabled: true }));
  expect(pictureInPicture).toMatchObject({ isPossible: true, canShowVideo: true });
  await pictureInPicture.toggle(() => ({ requestPictureInPicture }) as unknown as HTMLVideoElement);
  expect(requestPictureInPicture).toHaveBeenCalledOnce();
});

it('where the browser has no such windows it is not possible', () => {
  expect(new PictureInPicture(pageWith({}))).toMatchObject({ isPossible: false, canShowVideo: false });
});
