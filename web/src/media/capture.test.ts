import { beforeEach, expect, it, vi } from 'vitest';
import { Capture } from './capture';

/** As much of a track as a capture uses. */
class FakeTrack extends EventTarget {
  readyState: 'live' | 'ended' = 'live';
  constructor(readonly deviceId: string) {
    super();
  }
  getSettings = () => ({ deviceId: this.deviceId });
  stop = () => void (this.readyState = 'ended');
  unplug = () => {
    this.stop();
    this.dispatchEvent(new Event('ended'));
  };
}

let opened: FakeTrack[];
let refusals: (DOMException | null)[];
let capture: Capture;
const inUse = () => opened.filter(({ readyState }) => readyState === 'live').map(({ deviceId }) => deviceId);
const status = () => capture.state.get().status;
const settled = (wanted: string) => vi.waitFor(() => expect(status()).toBe(wanted));

beforeEach(() => {
  opened = [];
  refusals = [];
  const getUserMedia = ({ video }: { video: MediaTrackConstraints }) => {
    const refusal = refusals.shift();
    if (refusal) return Promise.reject(refusal);
    const wanted = video.deviceId as { exact: string } | undefined;
    const track = new FakeTrack(wanted?.exact ?? 'default');
    opened.push(track);
    return Promise.resolve({ getTracks: () => [track] });
  };
  capture = new Capture('camera', { getUserMedia } as unknown as MediaDevices);
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
