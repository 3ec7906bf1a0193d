import { beforeEach, describe, expect, it, vi } from 'vitest';
import { LocalMedia } from './local-media';

class FakeTrack extends EventTarget {
  muted = false;
  readyState: 'live' | 'ended' = 'live';
  constructor(readonly kind: 'video' | 'audio') {
    super();
  }
  getSettings = () => ({ deviceId: this.kind });
  stop = () => void (this.readyState = 'ended');
}

type Ask = 'both' | 'camera' | 'microphone';

let asked: Ask[];
/** Which camera and microphone the last question preferred. */
let wanted: (string | undefined)[];
let refusal: DOMException | null;
let labels: { camera: string; microphone: string };
let permission: PermissionState | null;
let opened: FakeTrack[];
const permissionChanges: (() => void)[] = [];
const inUse = () => opened.filter(({ readyState }) => readyState === 'live').map(({ kind }) => kind);

function media(): LocalMedia {
  const devices = Object.assign(new EventTarget(), {
    getUserMedia: ({ video, audio }: MediaStreamConstraints) => {
      wanted = [video, audio].map((of) => idealOf(of));
      asked.push(video && audio ? 'both' : video ? 'camera' : 'microphone');
      if (refusal) return Promise.reject(refusal);
      const tracks = [...(video ? [new FakeTrack('video')] : []), ...(audio ? [new FakeTrack('audio')] : [])];
      opened.push(...tracks);
      return Promise.resolve({ getTracks: () => tracks });
    },
    enumerateDevices: () =>
      Promise.resolve([
        { kind: 'videoinput', deviceId: '', label: labels.camera },
        { kind: 'audioinput', deviceId: '', label: labels.microphone },
      ]),
  });
  return new LocalMedia(devices as unknown as MediaDevices, localStorage, sessionStorage);
}

const idealOf = (constraints: boolean | MediaTrackConstraints | undefined) =>
  typeof constraints === 'object' ? (constraints.deviceId as { ideal?: string } | undefined)?.ideal : undefined;

const settle = async (own: LocalMedia, access: string) =>
  vi.waitFor(() => expect(Object.values(own.access.get())).toEqual([access, access]));

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  asked = [];
  opened = [];
  refusal = null;
  labels = { camera: '', microphone: '' };
  permission = 'prompt';
  permissionChanges.length = 0;
  vi.stubGlobal('navigator', {
    permissions: {
      query: () => {
        if (permission === null) return Promise.reject(new TypeError('unknown name'));
        const status = {
          get state() {
            return permission;
          },
          addEventListener: (_: string, listener: () => void) => permissionChanges.push(listener),
        };
        return Promise.resolve(status);
      },
    },
  });
});

it('a first visit asks for nothing, not even with the settings open', async () => {
  const own = media();
  await settle(own, 'unasked');
  own.openSettings(true);
  expect(asked).toEqual([]);
  expect(own.camera.state.get()).toEqual({ status: 'off' });
});

it('turned on, it asks once for both, and both run', async () => {
  const own = media();
  await settle(own, 'unasked');
  await own.turnOn();
  expect(asked).toEqual(['both']);
  expect(inUse()).toEqual(['video', 'audio']);
});

it('the one question is for the devices that were chosen before', async () => {
  const choices = { camera: { deviceId: 'desk', label: '' }, microphone: { deviceId: 'headset', label: '' } };
  localStorage.setItem('visavis.devices', JSON.stringify(choices));
  const own = media();
  await settle(own, 'unasked');
  await own.turnOn();
  expect(asked).toEqual(['both']);
  expect(wanted).toEqual(['desk', 'headset']);
});

it('who joins with both on is asked then; who joins with both off is never', async () => {
  const quiet = media();
  await settle(quiet, 'unasked');
  quiet.wish('camera', false);
  quiet.wish('microphone', false);
  quiet.enterCall();
  expect(asked).toEqual([]);
  sessionStorage.clear();
  const own = media();
  await settle(own, 'unasked');
  own.enterCall();
  await vi.waitFor(() => expect(inUse()).toEqual(['video', 'audio']));
  expect(asked).toEqual(['both']);
});

it('one that is turned on is asked for alone', async () => {
  const own = media();
  await settle(own, 'unasked');
  own.wish('camera', false);
  own.wish('microphone', true);
  await vi.waitFor(() => expect(inUse()).toEqual(['audio']));
  expect(asked).toEqual(['microphone']);
});

it.each([
  ['the permission is granted', 'granted', ''],
  ['labels are shown where permissions cannot be asked for', null, 'Front camera'],
] as const)('a return starts by itself if %s', async (_, state, label) => {
  permission = state;
  labels = { camera: label, microphone: label };
  media();
  await vi.waitFor(() => expect(inUse().sort()).toEqual(['audio', 'video']));
  expect(asked.sort()).toEqual(['camera', 'microphone']);
});

it('a refusal is taken for both, and not asked again until told to', async () => {
  refusal = new DOMException('Permission denied', 'NotAllowedError');
  const own = media();
  await settle(own, 'unasked');
  await own.turnOn();
  for (const device of [own.camera, own.microphone]) {
    expect(device.state.get()).toEqual({ status: 'failed', problem: 'refused' });
  }
  expect(asked).toEqual(['both']);
  refusal = null;
  await own.turnOn();
  await vi.waitFor(() => expect(inUse().sort()).toEqual(['audio', 'video']));
});

it('where one of both is missing, each is tried by itself', async () => {
  refusal = new DOMException('', 'NotFoundError');
  const own = media();
  await settle(own, 'unasked');
  await own.turnOn();
  expect(asked).toEqual(['both', 'camera', 'microphone']);
});

it('a permission that is given in the browser’s own settings is used at once', async () => {
  const own = media();
  await settle(own, 'unasked');
  await vi.waitFor(() => expect(permissionChanges).toHaveLength(2));
  permission = 'granted';
  for (const tell of permissionChanges) tell();
  await vi.waitFor(() => expect(inUse().sort()).toEqual(['audio', 'video']));
});

it('a page that is not secure says so at once', async () => {
  const own = new LocalMedia(undefined, null, null);
  await vi.waitFor(() => expect(own.camera.state.get()).toEqual({ status: 'failed', problem: 'insecure' }));
});

it('blur that fails turns the camera off', async () => {
  permission = 'granted';
  localStorage.setItem('visavis.background', 'blur');
  const own = new LocalMedia(
    {
      addEventListener: () => undefined,
      enumerateDevices: () => Promise.resolve([]),
      getUserMedia: ({ video }: MediaStreamConstraints) => {
        const track = new FakeTrack(video ? 'video' : 'audio');
        opened.push(track);
        return Promise.resolve({ getTracks: () => [track] });
      },
    } as unknown as MediaDevices,
    localStorage,
    sessionStorage,
    () => Promise.reject(new Error('no')),
  );
  await vi.waitFor(() => expect(own.wishes.get().camera).toBe(false));
  await vi.waitFor(() => expect(inUse()).toEqual(['audio']));
  expect(own.picture.get().status).toBe('off');
});

describe('devices that come and go', () => {
  type Info = Pick<MediaDeviceInfo, 'kind' | 'deviceId' | 'label' | 'groupId'>;
  const info = (kind: MediaDeviceKind, deviceId: string, groupId = deviceId): Info => ({
    kind,
    deviceId,
    label: `The ${deviceId}`,
    groupId,
  });
  let listed: Info[];
  let tracks: { id: string; track: FakeTrack }[];
  let source: EventTarget;
  const open = () => tracks.filter(({ track }) => track.readyState === 'live').map(({ id }) => id);

  async function start(vendor = 'Google Inc.'): Promise<LocalMedia> {
    permission = 'granted';
    Object.assign(navigator, { vendor });
    tracks = [];
    source = Object.assign(new EventTarget(), {
      enumerateDevices: () => Promise.resolve(listed),
      getUserMedia: ({ video, audio }: MediaStreamConstraints) => {
        const kind = video ? 'videoinput' : 'audioinput';
        const { deviceId, facingMode } = (video || audio) as {
          deviceId?: { exact: string };
          facingMode?: { ideal: string };
        };
        const wanted = deviceId?.exact ?? facingMode?.ideal;
        const found = listed.find((each) => each.kind === kind && (!wanted || each.deviceId === wanted));
        if (!found) return Promise.reject(new DOMException('', 'OverconstrainedError'));
        const track = Object.assign(new FakeTrack(video ? 'video' : 'audio'), {
          label: found.label,
          getSettings: () => ({
            deviceId: found.deviceId,
            ...(['user', 'environment'].includes(found.deviceId) && { facingMode: found.deviceId }),
          }),
        });
        tracks.push({ id: found.deviceId, track });
        return Promise.resolve({ getTracks: () => [track] });
      },
    });
    const own = new LocalMedia(source as MediaDevices, localStorage, sessionStorage);
    await vi.waitFor(() => expect(open()).toHaveLength(2));
    await own.devices.refresh();
    return own;
  }
  const change = (to: Info[]) => {
    listed = to;
    source.dispatchEvent(new Event('devicechange'));
  };
  const unplug = (id: string) => {
    const gone = tracks.filter((each) => each.id === id && each.track.readyState === 'live');
    listed = listed.filter(({ deviceId }) => deviceId !== id);
    for (const { track } of gone) {
      track.stop();
      track.dispatchEvent(new Event('ended'));
    }
    source.dispatchEvent(new Event('devicechange'));
  };
  const whats = (own: LocalMedia) => own.news.get().map(({ what, label }) => `${what} ${label}`);
  const BASIC = [info('videoinput', 'camera'), info('audioinput', 'built-in')];

  it('a new one is offered, and nothing is switched by itself', async () => {
    listed = BASIC;
    const own = await start();
    change([...BASIC, info('audioinput', 'headset')]);
    await vi.waitFor(() => expect(whats(own)).toEqual(['offered The headset']));
    expect(open().sort()).toEqual(['built-in', 'camera']);
  });

  it('one that was chosen and pulled out is told, replaced, and taken again when it is back', async () => {
    listed = [...BASIC, info('audioinput', 'headset')];
    const own = await start();
    own.choose('microphone', { deviceId: 'headset', label: 'The headset' });
    await vi.waitFor(() => expect(open()).toContain('headset'));
    unplug('headset');
    await vi.waitFor(() => expect(whats(own)).toEqual(['gone The headset']));
    await vi.waitFor(() => expect(open().sort()).toEqual(['built-in', 'camera']));
    change([...BASIC, info('audioinput', 'headset')]);
    await vi.waitFor(() => expect(open().sort()).toEqual(['camera', 'headset']));
    expect(whats(own)).toEqual(['taken The headset']);
  });

  it('the default of the system is followed, unless another was chosen', async () => {
    const both = [...BASIC, info('audioinput', 'headset')];
    const defaultIs = (group: string): Info => ({
      kind: 'audioinput',
      deviceId: 'default',
      label: `Default - ${group}`,
      groupId: group,
    });
    listed = [defaultIs('built-in'), ...both];
    const own = await start();
    const opened = () => tracks.filter(({ track }) => track.kind === 'audio').length;
    expect(opened()).toBe(1);
    change([defaultIs('headset'), ...both]);
    await vi.waitFor(() => expect(opened()).toBe(2));
    await vi.waitFor(() => expect(open().sort()).toEqual(['camera', 'default']));
    own.choose('microphone', { deviceId: 'built-in', label: 'The built-in' });
    await vi.waitFor(() => expect(open().sort()).toEqual(['built-in', 'camera']));
    change([defaultIs('built-in'), ...both]);
    await own.devices.refresh();
    expect(opened()).toBe(3);
  });

  it('in WebKit, where the first is the default, another first is followed', async () => {
    listed = BASIC;
    await start('Apple Computer, Inc.');
    change([info('audioinput', 'headset'), ...BASIC]);
    await vi.waitFor(() => expect(open().sort()).toEqual(['camera', 'headset']));
  });

  it('a camera that another program gives back is taken when the page is looked at again', async () => {
    listed = BASIC;
    const own = await start();
    const getUserMedia = vi.spyOn(source as MediaDevices, 'getUserMedia');
    getUserMedia.mockRejectedValueOnce(new DOMException('', 'NotReadableError'));
    tracks.find(({ id }) => id === 'camera')?.track.stop();
    tracks.find(({ id }) => id === 'camera')?.track.dispatchEvent(new Event('ended'));
    await vi.waitFor(() => expect(own.camera.state.get()).toEqual({ status: 'failed', problem: 'busy' }));
    own.wake();
    await vi.waitFor(() => expect(open().sort()).toEqual(['built-in', 'camera']));
  });

  it('a phone turns between its cameras, and keeps to the one it turned to; a computer does not', async () => {
    listed = [info('videoinput', 'user'), info('videoinput', 'environment'), info('audioinput', 'built-in')];
    const phone = await start();
    expect(phone.canTurn.get()).toBe(true);
    phone.turnCamera();
    await vi.waitFor(() => expect(phone.facing.get()).toBe('environment'));
    expect(phone.choices.get().camera).toEqual({ deviceId: 'environment', label: 'The environment' });
    phone.turnCamera();
    await vi.waitFor(() => expect(phone.facing.get()).toBe('user'));
    listed = [...BASIC, info('videoinput', 'spare')];
    const computer = await start();
    expect(computer.canTurn.get()).toBe(false);
  });
});
