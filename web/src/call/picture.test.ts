import type { RemoteTrack, RemoteTrackPublication } from 'livekit-client';
import { TrackEvent } from 'livekit-client';
import { beforeEach, expect, it, vi } from 'vitest';
import { fetchAhead, pictureOfRemote } from './picture';

/** Somebody's camera, as the client library tells of it. */
class FakePublication {
  trackSid = 'TR_1';
  isDesired = false;
  track: { attach: (element: Element) => void; detach: (element: Element) => void } | undefined;
  #subscribed: (track: RemoteTrack) => void = () => undefined;
  readonly setSubscribed = vi.fn((on: boolean) => {
    this.isDesired = on;
  });

  on(event: TrackEvent, listener: (track: RemoteTrack) => void): this {
    if (event === TrackEvent.Subscribed) this.#subscribed = listener;
    return this;
  }

  /** The server begins to send it. */
  comes() {
    this.track = { attach: vi.fn(), detach: vi.fn() };
    this.#subscribed(this.track as unknown as RemoteTrack);
    return this.track;
  }
}

let publication: FakePublication;
let publisher: { trackPublications: Map<string, never> };

const picture = () => pictureOfRemote(publication as unknown as RemoteTrackPublication, publisher);
const element = () => document.createElement('video');

beforeEach(() => {
  vi.useFakeTimers();
  publication = new FakePublication();
  publisher = { trackPublications: new Map([['TR_1', {} as never]]) };
});

it('is the same for the same publication, and not fetched until it is on the page', () => {
  expect(picture()).toBe(picture());
  expect(publication.setSubscribed).not.toHaveBeenCalled();
});

it('is fetched when put on the page, and shown where it is when it comes', () => {
  const [here, there] = [element(), element()];
  picture().attach(here);
  picture().attach(there);
  expect(publication.setSubscribed.mock.calls).toEqual([[true]]);
  const track = publication.comes();
  expect(track.attach).toHaveBeenCalledWith(here);
  expect(track.attach).toHaveBeenCalledWith(there);
});

it('is given up when it has not been on the page for five seconds', () => {
  const [here, there] = [element(), element()];
  picture().attach(here);
  picture().attach(there);
  const track = publication.comes();
  picture().detach(here);
  vi.advanceTimersByTime(60_000);
  expect(publication.isDesired).toBe(true);
  picture().detach(there);
  expect(track.detach).toHaveBeenCalledWith(there);
  vi.advanceTimersByTime(4_999);
  expect(publication.isDesired).toBe(true);
  vi.advanceTimersByTime(1);
  expect(publication.isDesired).toBe(false);
});

it('is kept when it moves to another place on the page', () => {
  const [here, there] = [element(), element()];
  picture().attach(here);
  picture().detach(here);
  picture().attach(there);
  vi.advanceTimersByTime(60_000);
  expect(publication.setSubscribed.mock.calls).toEqual([[true]]);
});

it('fetched ahead is given up, too, if it never is on the page', () => {
  fetchAhead(publication as unknown as RemoteTrackPublication, publisher);
  expect(publication.isDesired).toBe(true);
  vi.advanceTimersByTime(5_000);
  expect(publication.isDesired).toBe(false);
});

it('that is no longer published needs no word to the server', () => {
  const here = element();
  picture().attach(here);
  picture().detach(here);
  publisher.trackPublications.clear();
  vi.advanceTimersByTime(60_000);
  expect(publication.setSubscribed.mock.calls).toEqual([[true]]);
});
