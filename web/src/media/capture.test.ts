import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Capture } from './capture';

/** As much of a track as a capture uses. */
class FakeTrack extends EventTarget {
  readyState: 'live' | 'ended' = 'live';
  muted = false;
  constructor(readonly deviceId: string) {
    super();
  }
  getSettings = () => ({ deviceId: this.deviceId });
  stop = () => void (this.readyState = 'ended');
  hold = (muted: boolean) => {
    this.muted = muted;
    this.dispatchEvent(new Event(muted ? 'mute' : 'unmute'));
  };
  unplug = () => {
    this.stop();
    this.dispatchEvent(new Event('ended'));
  };
}

let opened: FakeTrack[];
let refusals: (DOMException | null)[];
let liveWhenAsked: string[][];
let media: MediaDevices;
let capture: Capture;
const inUse = () => opened.filter(({ readyState }) => readyState === 'live').map(({ deviceId }) => deviceId);
const status = () => capture.state.get().status;
const settled = (wanted: string) => vi.waitFor(() => expect(status()).toBe(wanted));

beforeEach(() => {
  opened = [];
  refusals = [];
  liveWhenAsked = [];
  const getUserMedia = ({ video }: { video: MediaTrackConstraints }) => {
    const refusal = refusals.shift();
    if (refusal) return Promise.reject(refusal);
    liveWhenAsked.push(inUse());
    const wanted = video.deviceId as { exact: string } | undefined;
    const facing = video.facingMode as { ideal: string } | undefined;
    const track = new FakeTrack(facing?.ideal ?? wanted?.exact ?? 'default');
    opened.push(track);
    return Promise.resolve({ getTracks: () => [track] });
  };
  media = { getUserMedia } as unknown as MediaDevices;
  capture = new Capture('camera', media);
});

it('opens when wanted and gives the device back when not', async () => {
  capture.want(true);
  expect(status()).toBe('starting');
  await settled('live');
  expect(inUse()).toEqual(['default']);
  capture.want(false);
  await settled('off');
  expect(inUse()).toEqual([]);
});

it('wanted and no longer wanted while it opens leaves nothing open', async () => {
  capture.want(true);
  capture.want(false);
  await settled('off');
  await vi.waitFor(() => expect(opened).toHaveLength(1));
  await vi.waitFor(() => expect(inUse()).toEqual([]));
});

it('another choice replaces the device; the old one is stopped after the new one runs', async () => {
  capture.want(true);
  await settled('live');
  capture.choose('other');
  await vi.waitFor(() => expect(inUse()).toEqual(['other']));
  expect(capture.state.get()).toMatchObject({ status: 'live', deviceId: 'other' });
});

it('a device that is pulled out is replaced', async () => {
  capture.want(true);
  await settled('live');
  opened[0]?.unplug();
  await vi.waitFor(() => expect(opened).toHaveLength(2));
  await settled('live');
  expect(inUse()).toEqual(['default']);
});

it('a device that keeps ending is left alone', async () => {
  capture.want(true);
  for (let ends = 0; ends < 4; ends++) {
    await settled('live');
    opened.at(-1)?.unplug();
  }
  expect(capture.state.get()).toEqual({ status: 'failed', problem: 'busy' });
});

it('a chosen device that is gone falls back to the browser’s choice', async () => {
  refusals = [new DOMException('', 'OverconstrainedError')];
  capture.choose('gone');
  capture.want(true);
  await settled('live');
  expect(inUse()).toEqual(['default']);
});

it('a refusal fails, and a retry opens', async () => {
  refusals = [new DOMException('', 'NotAllowedError')];
  capture.want(true);
  await settled('failed');
  expect(capture.state.get()).toEqual({ status: 'failed', problem: 'refused' });
  capture.retry();
  await settled('live');
});

it('on a page that is not secure there are no devices at all', async () => {
  capture = new Capture('camera', undefined);
  capture.want(true);
  await settled('failed');
  expect(capture.state.get()).toEqual({ status: 'failed', problem: 'insecure' });
});

it('a chosen device that was pulled out is taken again when it is back', async () => {
  capture.choose('headset');
  capture.want(true);
  await settled('live');
  refusals = [new DOMException('', 'OverconstrainedError')];
  opened[0]?.unplug();
  await vi.waitFor(() => expect(inUse()).toEqual(['default']));
  capture.choose(undefined);
  capture.choose('headset');
  await vi.waitFor(() => expect(inUse()).toEqual(['headset']));
});

it('where a second device spoils the first, the first goes before', async () => {
  capture = new Capture('camera', media, true);
  capture.want(true);
  await settled('live');
  capture.choose('other');
  await vi.waitFor(() => expect(inUse()).toEqual(['other']));
  expect(liveWhenAsked).toEqual([[], []]);
});

it('elsewhere the first runs until the second does', async () => {
  capture.want(true);
  await settled('live');
  capture.choose('other');
  await vi.waitFor(() => expect(inUse()).toEqual(['other']));
  expect(liveWhenAsked).toEqual([[], ['default']]);
});

it('the camera of a phone is turned by the way it looks, until another is chosen', async () => {
  capture.want(true);
  await settled('live');
  capture.face('environment');
  await vi.waitFor(() => expect(inUse()).toEqual(['environment']));
  capture.choose('other');
  await vi.waitFor(() => expect(inUse()).toEqual(['other']));
});

it('ends that are far from each other are no broken driver', async () => {
  vi.useFakeTimers();
  capture.want(true);
  for (let ends = 0; ends < 6; ends++) {
    await settled('live');
    vi.setSystemTime(Date.now() + 60_000);
    opened.at(-1)?.unplug();
  }
  await settled('live');
});

it('what the system holds is held after a moment, and no longer when it flows', async () => {
  capture.want(true);
  await settled('live');
  vi.useFakeTimers();
  opened[0]?.hold(true);
  vi.advanceTimersByTime(1_000);
  expect(capture.state.get()).toMatchObject({ isHeld: false });
  vi.advanceTimersByTime(1_000);
  expect(capture.state.get()).toMatchObject({ isHeld: true });
  opened[0]?.hold(false);
  expect(capture.state.get()).toMatchObject({ isHeld: false });
  opened[0]?.hold(true);
  opened[0]?.hold(false);
  vi.advanceTimersByTime(5_000);
  expect(capture.state.get()).toMatchObject({ isHeld: false });
});

describe('waking', () => {
  it('leaves alone what runs', async () => {
    capture.want(true);
    await settled('live');
    capture.wake();
    await Promise.resolve();
    expect(opened).toHaveLength(1);
  });

  it('opens anew what ended in silence', async () => {
    capture.want(true);
    await settled('live');
    opened[0]?.stop();
    capture.wake();
    await vi.waitFor(() => expect(inUse()).toEqual(['default']));
  });

  it('opens anew what is held', async () => {
    capture.want(true);
    await settled('live');
    opened[0]?.hold(true);
    await vi.waitFor(() => expect(capture.state.get()).toMatchObject({ isHeld: true }), 4_000);
    capture.wake();
    await vi.waitFor(() => expect(capture.state.get()).toMatchObject({ isHeld: false }));
    expect(opened).toHaveLength(2);
  });

  it('tries again what another program had, and not what the person refused', async () => {
    refusals = [new DOMException('', 'NotReadableError')];
    capture.want(true);
    await settled('failed');
    capture.wake();
    await settled('live');
    refusals = [new DOMException('', 'NotAllowedError')];
    opened[0]?.unplug();
    await settled('failed');
    capture.wake();
    await Promise.resolve();
    expect(status()).toBe('failed');
  });
});
