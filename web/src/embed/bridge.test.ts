import { beforeEach, expect, it, vi } from 'vitest';
import type { CallView } from '../call/call';
import type { Tile } from '../call/tiles';
import type { Wishes } from '../media/local-media';
import type { Notice } from '../notices/notices';
import { Store } from '../state/store';
import { faceOf } from '../stage/tiles-for-tests';
import { Bridge, trustedOrigin } from './bridge';

const ORIGIN = 'https://host.example';

let told: unknown[];
let targets: unknown[];
let view: Store<CallView>;
let wishes: Store<Wishes>;
let shown: Store<readonly Notice[]>;
const call = { join: vi.fn(), leave: vi.fn(), rename: vi.fn() };
const wish = vi.fn();
const person = { identity: 'me', rename: vi.fn(), shownName: () => 'Me' };
const parent = {
  postMessage: (message: object, target: unknown) => {
    told.push(message);
    targets.push(target);
  },
};
let page: EventTarget;

const me = faceOf('me', { isLocal: true });
const ann = faceOf('ann', { name: 'Ann' });

function in_(connection: 'joining' | 'connected' | 'reconnecting', ...tiles: Tile[]): CallView {
  return { room: 'alpha', connection, tiles, sounds: [], canPlaySound: true, isSharing: false };
}

function command(data: unknown, from: { origin?: string; source?: unknown } = {}): void {
  const { origin, source } = { origin: ORIGIN, source: parent, ...from };
  page.dispatchEvent(Object.assign(new Event('message'), { data, origin, source }));
}

beforeEach(() => {
  [told, targets] = [[], []];
  view = new Store<CallView>({ room: null });
  wishes = new Store<Wishes>({ camera: true, microphone: false });
  shown = new Store<readonly Notice[]>([]);
  page = Object.assign(new EventTarget(), { parent });
  vi.clearAllMocks();
  new Bridge({
    page: page as unknown as Window,
    origin: ORIGIN,
    room: 'alpha',
    call: { ...call, view },
    media: { wishes, wish },
    notices: { shown },
    person,
  });
});

it('tells what happens, in order, to the one origin', () => {
  view.set(in_('joining'));
  view.set(in_('connected', me));
  view.set(in_('connected', me, ann));
  view.set(in_('reconnecting', me));
  view.set(in_('connected', me, ann));
  wishes.set({ camera: false, microphone: false });
  view.set(in_('connected', me));
  view.set({ room: null });
  expect(told).toEqual([
    { visavis: 1, type: 'ready', room: 'alpha' },
    { visavis: 1, type: 'muted', camera: false, microphone: true },
    { visavis: 1, type: 'joined', room: 'alpha', identity: 'me', name: 'Me' },
    { visavis: 1, type: 'participant-joined', identity: 'ann', name: 'Ann' },
    { visavis: 1, type: 'muted', camera: true, microphone: true },
    { visavis: 1, type: 'participant-left', identity: 'ann', name: 'Ann' },
    { visavis: 1, type: 'left', room: 'alpha' },
  ]);
  expect(new Set(targets)).toEqual(new Set([ORIGIN]));
});

it('tells once what the page shows as going wrong', () => {
  const notice: Notice = { slot: 'call', kind: 'join-failed', tone: 'bad', text: 'No.', lasts: null };
  shown.set([notice]);
  shown.set([notice, { ...notice, slot: 'other', tone: 'info' }]);
  expect(told.slice(2)).toEqual([{ visavis: 1, type: 'error', code: 'join-failed', message: 'No.' }]);
});

it('does what it is told', () => {
  command({ visavis: 1, type: 'join' });
  command({ visavis: 1, type: 'mute', device: 'camera' });
  command({ visavis: 1, type: 'unmute', device: 'microphone' });
  command({ visavis: 1, type: 'set-name', name: '  Ann  ' });
  command({ visavis: 1, type: 'hang-up' });
  expect(call.join).toHaveBeenCalledWith('alpha');
  expect(wish.mock.calls).toEqual([
    ['camera', false],
    ['microphone', true],
  ]);
  expect(person.rename).toHaveBeenCalledWith('Ann');
  expect(call.leave).toHaveBeenCalledOnce();
});

it('takes commands of nobody else', () => {
  command({ visavis: 1, type: 'leave' }, { origin: 'https://evil.example' });
  command({ visavis: 1, type: 'leave' }, { source: {} });
  command({ type: 'leave' });
  command('leave');
  expect(call.leave).not.toHaveBeenCalled();
  expect(told).toHaveLength(2);
});

it.each([
  [{ visavis: 2, type: 'leave' }, 'a message has version 2: this server speaks 1'],
  [{ visavis: 1, type: 'dance' }, 'there is no command "dance"'],
  [{ visavis: 1, type: 'mute', device: 'ears' }, 'mute names the device "ears": it is "camera" or "microphone"'],
  [{ visavis: 1, type: 'set-name', name: 5 }, 'set-name has the name 5: it is a text'],
])('answers %j in words', (message, words) => {
  command(message);
  expect(told.at(-1)).toEqual({ visavis: 1, type: 'error', code: 'invalid-command', message: words });
});

it.each([
  [ORIGIN, 'https://other.example/page', ORIGIN],
  [null, 'https://other.example/page', 'https://other.example'],
  [null, '', 'https://meet.example'],
])('named %j, from %j: trusts %j', (named, referrer, wanted) => {
  expect(trustedOrigin(named, referrer, 'https://meet.example')).toBe(wanted);
});
