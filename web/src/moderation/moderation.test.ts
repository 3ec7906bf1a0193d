import { RoomEvent, type Room } from 'livekit-client';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { CaptureState } from '../media/capture';
import type { LocalMedia } from '../media/local-media';
import { Notices } from '../notices/notices';
import { ROLE } from '../people/people';
import { ApiError } from '../rooms/api';
import { Store } from '../state/store';
import type { ModerationApi, RoomState, Settings } from './api';
import { Moderation } from './moderation';

const SETTINGS: Settings = {
  locked: false,
  waitingRoom: false,
  mayUnmute: true,
  mayShareScreen: true,
  listed: true,
  showPeople: true,
};
const EVERYTHING = { canPublish: true, canPublishSources: [] as number[] };
const LIVE: CaptureState = { status: 'live', track: {} as MediaStreamTrack, deviceId: 'x', isHeld: false };
const [CAMERA, SCREEN] = [1, 3];

const listeners = new Map<string, (...given: unknown[]) => void>();
const emit = (event: string, ...given: unknown[]) => listeners.get(event)?.(...given);
const packet = (topic: string, body: unknown, sender?: object) =>
  emit(RoomEvent.DataReceived, new TextEncoder().encode(JSON.stringify(body)), sender, undefined, topic);

const state = vi.fn<ModerationApi['state']>();
const set = vi.fn<ModerationApi['set']>();
const command = vi.fn<ModerationApi['command']>();
const end = vi.fn<ModerationApi['end']>();
const wish = vi.fn();

let me: { attributes: Record<string, string>; permissions: typeof EVERYTHING };
let media: Record<'wishes', Store<Record<'camera' | 'microphone', boolean>>> & {
  picture: Store<CaptureState>;
  microphone: { state: Store<CaptureState> };
};
let notices: Notices;
let moderation: Moderation;
let detach: () => void;
const notice = (slot: string) => notices.shown.get().find((each) => each.slot === slot);
const says = (over: Partial<RoomState>): RoomState => ({ settings: SETTINGS, waiting: [], ...over });
const appointed = () => {
  me.attributes[ROLE] = 'moderator';
  emit(RoomEvent.ParticipantAttributesChanged, {}, me);
};
const permitted = (permissions: typeof EVERYTHING) => {
  me.permissions = permissions;
  emit(RoomEvent.ParticipantPermissionsChanged, undefined, me);
};

beforeEach(() => {
  vi.resetAllMocks();
  state.mockResolvedValue(says({}));
  command.mockResolvedValue();
  me = { attributes: {}, permissions: EVERYTHING };
  notices = new Notices();
  media = {
    wishes: new Store({ camera: true, microphone: true }),
    picture: new Store(LIVE),
    microphone: { state: new Store(LIVE) },
  };
  wish.mockImplementation((kind: 'camera' | 'microphone', on: boolean) =>
    media.wishes.set({ ...media.wishes.get(), [kind]: on }),
  );
  moderation = new Moderation({
    api: { state, set, command, end },
    media: { ...media, wish } as unknown as LocalMedia,
    notices,
  });
  detach = moderation.attach({
    name: 'den',
    localParticipant: me,
    on: (event: string, listener: () => void) => listeners.set(event, listener),
    off: (event: string) => listeners.delete(event),
  } as unknown as Room);
  moderation.entered('token');
});

describe('who moderates', () => {
  it('is told when they are appointed, and not when they made the room', async () => {
    appointed();
    expect(moderation.view.get().isModerator).toBe(true);
    expect(notice('moderation')?.text).toBe('You moderate this room.');
    notices.dismiss('moderation');
    detach();
    moderation.reset();
    const made = new Moderation({ api: { state, set, command, end }, media: media as unknown as LocalMedia, notices });
    made.attach({ name: 'den', localParticipant: me, on: vi.fn(), off: vi.fn() } as unknown as Room);
    state.mockClear();
    made.entered('token');
    await vi.waitFor(() => expect(made.view.get().settings).toEqual(SETTINGS));
    expect(state.mock.calls).toEqual([['den', 'token']]);
    expect(made.view.get().isModerator).toBe(true);
    expect(notice('moderation')).toBeUndefined();
  });

  it('asks nothing before the room is entered, for that needs the token', () => {
    state.mockClear();
    detach();
    const early = new Moderation({ api: { state, set, command, end }, media: media as unknown as LocalMedia, notices });
    early.attach({
      name: 'den',
      localParticipant: me,
      on: (event: string, listener: () => void) => listeners.set(event, listener),
      off: vi.fn(),
    } as unknown as Room);
    appointed();
    expect(early.view.get().isModerator).toBe(true);
    expect(state).not.toHaveBeenCalled();
    early.entered('later');
    expect(state.mock.calls).toEqual([['den', 'later']]);
  });

  it('asks the server with their token, and is told what came of it', async () => {
    await moderation.remove('bob', 'Bob');
    expect(command).toHaveBeenCalledWith('den', 'token', 'remove', { identity: 'bob' });
    expect(notice('moderation')).toMatchObject({ tone: 'good', text: expect.stringContaining('Bob') as string });
    await moderation.mute('bob', 'camera');
    await moderation.admit(null);
    await moderation.admit('p1');
    expect(command.mock.calls.slice(1).map(([, , what, body]) => [what, body])).toEqual([
      ['mute', { identity: 'bob', source: 'camera' }],
      ['admit', { all: true }],
      ['admit', { id: 'p1' }],
    ]);
  });

  it('is told why something could not be done', async () => {
    command.mockRejectedValue(new ApiError('no', 403, 'not_a_moderator'));
    expect(await moderation.refuse('p1')).toBe(false);
    expect(notice('moderation')).toMatchObject({
      tone: 'warning',
      text: expect.stringContaining('Only moderators of the room can do that.') as string,
    });
  });

  it('knows the settings that the server has answered, not those that were wished', async () => {
    set.mockResolvedValue(says({ settings: { ...SETTINGS, locked: true } }));
    await moderation.set('locked', true);
    expect(set).toHaveBeenCalledWith('den', 'token', { locked: true });
    expect(moderation.view.get().settings?.locked).toBe(true);
  });
});

describe('who waits', () => {
  it('is asked for when the server says so, and never when a person does', async () => {
    await vi.waitFor(() => expect(moderation.view.get().settings).toEqual(SETTINGS));
    state.mockResolvedValue(says({ waiting: [{ id: 'p1', name: 'Carol' }] }));
    packet('visavis.waiting', {}, { identity: 'mallory' });
    expect(state).toHaveBeenCalledTimes(1);
    packet('visavis.waiting', {});
    await vi.waitFor(() => expect(notice('knock')?.text).toContain('Carol'));
    notice('knock')?.action?.run();
    expect(command).toHaveBeenLastCalledWith('den', 'token', 'admit', { id: 'p1' });
    notice('knock')?.otherAction?.run();
    expect(command).toHaveBeenLastCalledWith('den', 'token', 'refuse', { id: 'p1' });
    const two = [
      { id: 'p1', name: 'Carol' },
      { id: 'p2', name: '' },
    ];
    state.mockResolvedValue(says({ waiting: two }));
    packet('visavis.waiting', {});
    await vi.waitFor(() => expect(moderation.view.get().waiting).toEqual(two));
    notice('knock')?.action?.run();
    expect(command).toHaveBeenLastCalledWith('den', 'token', 'admit', { all: true });
    state.mockResolvedValue(says({}));
    packet('visavis.waiting', {});
    await vi.waitFor(() => expect(notice('knock')).toBeUndefined());
  });

  it('is what the last question was answered with, whichever answer comes last', async () => {
    await vi.waitFor(() => expect(moderation.view.get().settings).toEqual(SETTINGS));
    const answers: ((state: RoomState) => void)[] = [];
    state.mockImplementation(() => new Promise((resolve) => answers.push(resolve)));
    packet('visavis.waiting', {});
    packet('visavis.waiting', {});
    answers[1]?.(says({ waiting: [{ id: 'p2', name: 'New' }] }));
    answers[0]?.(says({ waiting: [{ id: 'p1', name: 'Old' }] }));
    await vi.waitFor(() => expect(notice('knock')?.text).toContain('New'));
  });
});

describe('whoever is moderated', () => {
  it('is told that the server has muted them, and their microphone stays off', () => {
    emit(RoomEvent.TrackMuted, { source: 'microphone' }, me);
    expect(wish).toHaveBeenCalledWith('microphone', false);
    expect(notice('moderation')?.text).toContain('turned your microphone off');
  });

  it('is not told so of what they turned off themselves, or what has nothing to send', () => {
    media.wishes.set({ camera: true, microphone: false });
    emit(RoomEvent.TrackMuted, { source: 'microphone' }, me);
    media.picture.set({ status: 'starting' });
    emit(RoomEvent.TrackMuted, { source: 'camera' }, me);
    media.picture.set({ ...LIVE, isHeld: true });
    emit(RoomEvent.TrackMuted, { source: 'camera' }, me);
    emit(RoomEvent.TrackMuted, { source: 'camera' }, { someone: 'else' });
    expect(wish).not.toHaveBeenCalled();
    expect(notice('moderation')).toBeUndefined();
  });

  it('is asked to unmute by the server alone, and is on air only if willing', () => {
    media.wishes.set({ camera: true, microphone: false });
    packet('visavis.ask-to-unmute', { source: 'microphone' }, { identity: 'mallory' });
    packet('visavis.ask-to-unmute', { source: 'screen' });
    packet('visavis.ask-to-unmute', { source: 'camera' }); // Is on.
    expect(moderation.question.get()).toBeNull();
    packet('visavis.ask-to-unmute', { source: 'microphone' });
    expect(moderation.question.get()).toEqual({ kind: 'unmute', source: 'microphone' });
    moderation.answerUnmute('microphone', false);
    expect([moderation.question.get(), wish.mock.calls]).toEqual([null, []]);
    moderation.answerUnmute('microphone', true);
    expect(wish).toHaveBeenCalledWith('microphone', true);
  });

  it('may send what the server permits, and is told when that changes; nobody is put on air by it', () => {
    permitted({ canPublish: true, canPublishSources: [CAMERA] });
    expect(moderation.view.get().may).toEqual({ microphone: false, screen: false });
    expect(moderation.isAllowed('screen')).toBe(false);
    expect(media.wishes.get().microphone).toBe(false);
    permitted({ canPublish: true, canPublishSources: [CAMERA, SCREEN] });
    expect(moderation.isAllowed('screen')).toBe(true);
    permitted(EVERYTHING);
    expect(moderation.view.get().may).toEqual({ microphone: true, screen: true });
    expect(notice('moderation')?.text).toContain('You may use your microphone again');
    expect(media.wishes.get().microphone).toBe(false);
  });
});

it('nothing is left of a room that was left', async () => {
  appointed();
  state.mockResolvedValue(says({ waiting: [{ id: 'p1', name: 'Carol' }] }));
  packet('visavis.waiting', {});
  await vi.waitFor(() => expect(notice('knock')).toBeDefined());
  moderation.question.set({ kind: 'end' });
  const answers: ((state: RoomState) => void)[] = [];
  state.mockImplementation(() => new Promise((resolve) => answers.push(resolve)));
  packet('visavis.settings', {});
  detach();
  moderation.reset();
  answers[0]?.(says({ waiting: [{ id: 'p1', name: 'Carol' }] }));
  await Promise.resolve();
  expect(moderation.view.get()).toMatchObject({ isModerator: false, settings: null, waiting: [] });
  expect([moderation.question.get(), notice('knock')]).toEqual([null, undefined]);
  expect(await moderation.end()).toBe(false);
});
