import { beforeEach, expect, it, vi } from 'vitest';
import type { CaptureState } from '../media/capture';
import type { LocalMedia } from '../media/local-media';
import type { DeviceNews } from '../media/plugging';
import { Notices } from '../notices/notices';
import { Store } from '../state/store';
import { tellDeviceNews, tellHeld } from './device-news';

const HEADSET: DeviceNews = {
  what: 'offered',
  label: 'Headset (046d:0a44)',
  devices: { microphone: { deviceId: 'in', label: 'In' }, speaker: { deviceId: 'out', label: 'Out' } },
};
const LIVE: CaptureState = { status: 'live', track: {} as MediaStreamTrack, deviceId: 'x', isHeld: false };

let notices: Notices;
const choose = vi.fn();
const news = new Store<readonly DeviceNews[]>([]);
const camera = { state: new Store<CaptureState>(LIVE), wake: vi.fn() };
const microphone = { state: new Store<CaptureState>(LIVE), wake: vi.fn() };
const wishes = new Store({ camera: true, microphone: true });
const call = new Store<{ room: string | null }>({ room: 'alpha' });
const media = { news, choose, camera, microphone, wishes } as unknown as LocalMedia;
const shown = () => notices.shown.get().map(({ kind, text }) => [kind, text]);

beforeEach(() => {
  choose.mockClear();
  notices = new Notices();
});

it('a headset that comes is offered by its name, and taken with both of its ends by a press', () => {
  tellDeviceNews(media, notices);
  news.set([HEADSET]);
  expect(shown()).toEqual([['device-offered', 'Headset is here.']]);
  expect(choose).not.toHaveBeenCalled();
  notices.shown.get()[0]?.action?.run();
  expect(choose.mock.calls).toEqual([
    ['microphone', HEADSET.devices.microphone],
    ['speaker', HEADSET.devices.speaker],
  ]);
  expect(shown()).toEqual([]);
});

it('of many news the one is told that changes what others hear', () => {
  tellDeviceNews(media, notices);
  news.set([HEADSET, { ...HEADSET, what: 'gone', label: 'Dock' }]);
  expect(shown()).toEqual([['device-gone', 'Dock is gone. Another device is used instead.']]);
});

it('what the system holds is told in a call for as long as it is so and wanted', () => {
  tellHeld(media, call, notices);
  microphone.state.set({ ...LIVE, isHeld: true });
  expect(shown()).toEqual([['held-microphone', expect.stringContaining('gives no sound')]]);
  notices.shown.get()[0]?.action?.run();
  expect(microphone.wake).toHaveBeenCalledOnce();
  wishes.set({ camera: true, microphone: false });
  expect(shown()).toEqual([]);
  wishes.set({ camera: true, microphone: true });
  expect(shown()).toHaveLength(1);
  call.set({ room: null });
  expect(shown()).toEqual([]);
});
