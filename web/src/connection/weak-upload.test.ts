import type { Room } from 'livekit-client';
import { beforeEach, expect, it, vi } from 'vitest';
import { Notices } from '../notices/notices';
import { WeakUpload } from './weak-upload';

/** A camera as the library has it: what it sends, and whether it does. */
class FakeCamera {
  isUpstreamPaused = false;
  isMuted = false;
  target = 800_000;

  pauseUpstream() {
    this.isUpstreamPaused = true;
    return Promise.resolve();
  }

  resumeUpstream() {
    this.isUpstreamPaused = false;
    return Promise.resolve();
  }

  getRTCStatsReport() {
    const stream = { id: 'S', type: 'outbound-rtp', kind: 'video', timestamp: Date.now(), bytesSent: Date.now() };
    const qualityLimitationReason = this.target < 800_000 ? 'bandwidth' : 'none';
    return Promise.resolve(new Map([['S', { ...stream, targetBitrate: this.target, qualityLimitationReason }]]));
  }
}

/** Bit/s that the voice may have. */
class FakeVoice {
  maxBitrate = 48_000;
  getParameters = () => ({ encodings: [{ maxBitrate: this.maxBitrate }] });
  setParameters = ({ encodings }: { encodings: { maxBitrate: number }[] }) => {
    this.maxBitrate = encodings[0]?.maxBitrate ?? 0;
    return Promise.resolve();
  };
}

const camera = { now: new FakeCamera() };
let voice: FakeVoice;
let notices: Notices;
let weak: WeakUpload;
let leave: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  camera.now = new FakeCamera();
  voice = new FakeVoice();
  notices = new Notices();
  weak = new WeakUpload(notices);
  const getTrackPublication = (source: string) => ({ track: source === 'camera' ? camera.now : { sender: voice } });
  leave = weak.attach({ state: 'connected', localParticipant: { getTrackPublication } } as unknown as Room);
  weak.entered();
});

const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1_000);
const isSent = () => !camera.now.isUpstreamPaused;
const said = () => notices.shown.get().map(({ text }) => text);

it('a picture that does not get through for some seconds is paused, is told, and gives its room to the voice', async () => {
  camera.now.target = 30_000;
  await seconds(3);
  expect(isSent()).toBe(true);
  await seconds(2);
  expect([isSent(), weak.isPaused.get(), voice.maxBitrate]).toEqual([false, true, 20_000]);
  expect(said()).toEqual(['Your upload is weak: your video is paused. The others go on hearing you.']);
});

it('one that is sent smaller goes on', async () => {
  camera.now.target = 90_000;
  await seconds(20);
  expect(isSent()).toBe(true);
});

it('it is tried again after half a minute, and after each try that fails in twice the time', async () => {
  camera.now.target = 30_000;
  await seconds(5);
  await seconds(30);
  expect([isSent(), voice.maxBitrate, said()]).toEqual([true, 48_000, []]);
  await seconds(8);
  // It has time to grow.
  expect(isSent()).toBe(true);
  await seconds(8);
  expect(isSent()).toBe(false);
  await seconds(40);
  expect(isSent()).toBe(false);
  await seconds(19);
  expect(isSent()).toBe(true);
});

it('it is sent at once to whom that matters', async () => {
  camera.now.target = 30_000;
  await seconds(5);
  camera.now.target = 800_000;
  notices.shown.get()[0]?.action?.run();
  await seconds(1);
  expect([isSent(), weak.isPaused.get(), said()]).toEqual([true, false, []]);
});

it('a camera that is turned off meanwhile is no longer said to be paused, and on again it is sent', async () => {
  camera.now.target = 30_000;
  await seconds(5);
  camera.now.isMuted = true;
  await seconds(1);
  expect([weak.isPaused.get(), isSent()]).toEqual([false, true]);
});

it('another camera, which the library sends by itself, is not said to be paused', async () => {
  camera.now.target = 30_000;
  await seconds(5);
  camera.now = new FakeCamera();
  await seconds(1);
  expect([weak.isPaused.get(), said(), voice.maxBitrate]).toEqual([false, [], 48_000]);
});

it('whoever leaves is told nothing more', async () => {
  camera.now.target = 30_000;
  await seconds(5);
  leave();
  expect([weak.isPaused.get(), said()]).toEqual([false, []]);
  await seconds(60);
  expect(said()).toEqual([]);
});
