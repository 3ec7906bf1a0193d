import { beforeEach, expect, it, vi } from 'vitest';
import { LocalMedia } from './local-media';

class FakeTrack extends EventTarget {
  readyState: 'live' | 'ended' = 'live';
  constructor(readonly kind: 'video' | 'audio') {
    super();
  }
  getSettings = () => ({ deviceId: this.kind });
  stop = () => void (this.readyState = 'ended');
}

type Ask = 'both' | 'camera' | 'microphone';

let asked: Ask[];
let refusal: DOMException | null;
let labels: { camera: string; microphone: string };
let permission: PermissionState | null;
let opened: FakeTrack[];
const permissionChanges: (() => void)[] = [];
const inUse = () => opened.filter(({ readyState }) => readyState === 'live').map(({ kind }) => kind);

function media(): LocalMedia {
  const devices = Object.assign(new EventTarget(), {
    getUserMedia: ({ video, audio }: MediaStreamConstraints) => {
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
  return () => vi.unstubAllGlobals();
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
