import { beforeEach, expect, it, vi } from 'vitest';
import type { CaptureState } from '../media/capture';
import { Store } from '../state/store';
import { Background, type BlurSource } from './background';
import type { BlurEvents } from './blurrer';

const track = (name: string) => ({ name }) as unknown as MediaStreamTrack;
const live = (name: string): CaptureState => ({ status: 'live', track: track(name), deviceId: name, isHeld: false });

/** A blur whose loading and first frame the test decides. */
class FakeBlur implements BlurSource {
  readonly sources: MediaStreamTrack[] = [];
  isClosed = false;
  isResting = true;
  constructor(readonly events: BlurEvents) {}
  from(source: MediaStreamTrack): MediaStreamTrack {
    this.sources.push(source);
    this.isResting = false;
    return track('blurred');
  }
  rest = () => void (this.isResting = true);
  close = () => void (this.isClosed = true);
}

let camera: Store<CaptureState>;
let made: FakeBlur[];
let problem: Error | null;
let shown: string[];
const background = () => {
  const made_ = new Background(camera, localStorage, (events) => {
    if (problem) return Promise.reject(problem);
    const blur = new FakeBlur(events);
    made.push(blur);
    return Promise.resolve(blur);
  });
  const note = () => {
    const state = made_.picture.get();
    shown.push(state.status === 'live' ? (state.track as unknown as { name: string }).name : state.status);
  };
  made_.picture.subscribe(note);
  note();
  return made_;
};
const loaded = async (count = 1) => vi.waitFor(() => expect(made[count - 1]?.sources.length).toBeGreaterThan(0));

beforeEach(() => {
  localStorage.clear();
  camera = new Store<CaptureState>(live('camera'));
  made = [];
  problem = null;
  shown = [];
});

it('not wanted, it is the camera as it is, and nothing is loaded', () => {
  background();
  camera.set({ status: 'off' });
  expect(shown).toEqual(['camera', 'off']);
  expect(made).toEqual([]);
});

it('turned on, the sharp picture ends at once and the blurred one comes when its first frame is there', async () => {
  const own = background();
  own.setBlurred(true);
  expect(shown).toEqual(['camera', 'off', 'starting']);
  await loaded();
  expect(shown).not.toContain('blurred');
  made[0]?.events.shown();
  expect(shown.at(-1)).toBe('blurred');
});

it('a choice that was kept never lets a sharp picture out, whatever the camera does', async () => {
  background().setBlurred(true);
  shown = [];
  background();
  camera.set({ status: 'off' });
  camera.set(live('other'));
  await loaded();
  made.at(-1)?.events.shown();
  camera.set(live('third'));
  expect(shown.filter((what) => !['off', 'starting'].includes(what))).toEqual(['blurred', 'blurred']);
});

it('rests while the camera is off, and blurs again after', async () => {
  const own = background();
  own.setBlurred(true);
  await loaded();
  made[0]?.events.shown();
  camera.set({ status: 'off' });
  expect(made[0]?.isResting).toBe(true);
  camera.set(live('again'));
  expect(own.picture.get().status).toBe('starting');
  made[0]?.events.shown();
  expect(shown.at(-1)).toBe('blurred');
  expect(made).toHaveLength(1);
});

it('turned off, the camera is as it is again, and all of it ends', async () => {
  const own = background();
  own.setBlurred(true);
  await loaded();
  made[0]?.events.shown();
  own.setBlurred(false);
  expect(shown.at(-1)).toBe('camera');
  expect(made[0]?.isClosed).toBe(true);
});

it('turned off while it loads, what comes too late is closed and not shown', async () => {
  const own = background();
  own.setBlurred(true);
  own.setBlurred(false);
  await vi.waitFor(() => expect(made[0]?.isClosed).toBe(true));
  made[0]?.events.shown();
  expect(own.picture.get()).toEqual(camera.get());
});

it('if it fails there is no picture, and it says why; the next try may succeed', async () => {
  const own = background();
  own.setBlurred(true);
  await loaded();
  made[0]?.events.shown();
  made[0]?.events.failed('out of memory');
  expect(shown.at(-1)).toBe('off');
  expect(own.failure.get()).toBe('out of memory');
  expect(made[0]?.isClosed).toBe(true);
  camera.set({ status: 'off' });
  camera.set(live('camera'));
  await loaded(2);
  made[1]?.events.shown();
  expect(shown.at(-1)).toBe('blurred');
  expect(own.failure.get()).toBeNull();
});

it('a browser that cannot do it shows nothing, and says so', async () => {
  problem = new Error('this browser cannot do it');
  const own = background();
  own.setBlurred(true);
  await vi.waitFor(() => expect(own.failure.get()).toBe('this browser cannot do it'));
  expect(shown).not.toContain('blurred');
  expect(shown.slice(1)).not.toContain('camera');
});
