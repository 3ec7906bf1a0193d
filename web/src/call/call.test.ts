import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { LocalMedia } from '../media/local-media';
import { Notices } from '../notices/notices';
import { ApiError, type VideoApi } from '../rooms/api';
import { Store } from '../state/store';
import { Call, type Engine } from './call';
import { NotLoaded } from './reasons';
import type { Session, SessionEvents, SessionView } from './session';

const CONNECTED: SessionView = {
  connection: 'connected',
  tiles: [],
  sounds: [],
  canPlaySound: true,
  isSharing: false,
};

/** A connection that does as the test says. */
class FakeSession {
  readonly view = new Store<SessionView>({ ...CONNECTED, connection: 'joining' });
  readonly renew = vi.fn(() => Promise.resolve());
  readonly playAgain = vi.fn(() => Promise.resolve());
  readonly close = vi.fn(() => Promise.resolve());
  readonly connect = vi.fn(() => {
    this.view.set(CONNECTED);
    return Promise.resolve();
  });
  constructor(readonly events: SessionEvents) {}

  set(connection: SessionView['connection']): void {
    this.view.set({ ...CONNECTED, connection });
  }
}

let sessions: FakeSession[];
let notices: Notices;
let call: Call;
const ticket = vi.fn<VideoApi['ticket']>();
const create = vi.fn<VideoApi['create']>();
const knock = vi.fn<VideoApi['knock']>();
const media = { enterCall: vi.fn(), leaveCall: vi.fn() };
const engine = vi.fn<() => Promise<Engine>>();
const forget = vi.fn();

const said = () => vi.mocked(notices.announcer).say.mock.lastCall?.[0];
const kinds = () => notices.shown.get().map(({ kind }) => kind);
const current = (): FakeSession => {
  const last = sessions.at(-1);
  if (!last) throw new Error('no session was made');
  return last;
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  ticket.mockReset().mockResolvedValue({ token: 'token', url: 'ws://server', identity: 'me' });
  create.mockReset().mockResolvedValue(null);
  sessions = [];
  engine.mockReset().mockResolvedValue({
    session: (events) => {
      const made = new FakeSession(events);
      sessions.push(made);
      return made as unknown as Session;
    },
    forget,
  });
  notices = new Notices();
  vi.spyOn(notices.announcer, 'say');
  call = new Call({
    api: {
      ticket,
      knock,
      wait: vi.fn(),
      create,
      exchange: vi.fn(),
      rooms: () => Promise.resolve([]),
      chat: () => Promise.resolve([]),
    },
    media: media as unknown as LocalMedia,
    notices,
    person: () => ({ identity: 'me', name: 'Me' }),
    engine,
  });
});

describe('joining', () => {
  it('asks for a ticket, connects with it, and is in the room', async () => {
    await call.join('alpha');
    expect(ticket).toHaveBeenCalledWith({ identity: 'me', name: 'Me' }, 'alpha');
    expect(current().connect).toHaveBeenCalledWith('ws://server', 'token');
    expect(call.view.get()).toMatchObject({ room: 'alpha', connection: 'connected' });
    expect(media.enterCall).toHaveBeenCalledOnce();
    expect(said()).toBe('You are in alpha.');
  });

  it('makes the room where there are options, and joins it where making is left to that', async () => {
    const options = { listed: false, showPeople: true, waitingRoom: false };
    create.mockResolvedValueOnce({ token: 'makers', url: 'ws://server', identity: 'me' });
    await call.join('alpha', options);
    expect(create).toHaveBeenCalledWith({ identity: 'me', name: 'Me' }, 'alpha', options);
    expect(ticket).not.toHaveBeenCalled();
    expect(current().connect).toHaveBeenCalledWith('ws://server', 'makers');
    await call.join('beta', options);
    expect(current().connect).toHaveBeenCalledWith('ws://server', 'token');
  });

  it('another room leaves the first', async () => {
    await call.join('alpha');
    const first = current();
    await call.join('beta');
    expect(first.close).toHaveBeenCalled();
    expect(call.view.get().room).toBe('beta');
  });

  it('that is refused is told, and home again', async () => {
    ticket.mockRejectedValue(new ApiError('the room is full', 403));
    await call.join('alpha');
    expect(call.view.get().room).toBeNull();
    expect(notices.shown.get()).toMatchObject([
      { kind: 'join-failed', text: expect.stringContaining('the room is full.') as string },
    ]);
    expect(media.leaveCall).toHaveBeenCalled();
  });

  it('a name that cannot be is told without asking the server', async () => {
    await call.join('a/b');
    expect(ticket).not.toHaveBeenCalled();
    expect(kinds()).toEqual(['join-failed']);
  });

  it('shows the room at once, and goes on when what carries calls is there', async () => {
    const ready = await engine();
    let load: () => void = () => undefined;
    engine.mockReturnValue(new Promise((resolve) => (load = () => resolve(ready))));
    const joined = call.join('alpha');
    expect(call.view.get()).toMatchObject({ room: 'alpha', connection: 'joining' });
    load();
    await joined;
    expect(call.view.get()).toMatchObject({ room: 'alpha', connection: 'connected' });
  });

  it('tells that what carries calls did not come, and may be tried again', async () => {
    engine.mockRejectedValueOnce(new NotLoaded(new Error('offline')));
    await call.join('alpha');
    expect(call.view.get().room).toBeNull();
    const [notice] = notices.shown.get();
    expect(notice?.text).toMatch(/could not be fetched/);
    notice?.action?.run();
    await vi.waitFor(() => expect(call.view.get()).toMatchObject({ room: 'alpha', connection: 'connected' }));
    expect(kinds()).toEqual([]);
  });

  it('is void if the person left meanwhile', async () => {
    let answer: (() => void) | undefined;
    ticket.mockReturnValue(
      new Promise((resolve) => (answer = () => resolve({ token: 't', url: 'u', identity: 'me' }))),
    );
    const joined = call.join('alpha');
    call.leave();
    answer?.();
    await joined;
    expect(sessions).toEqual([]);
    expect(call.view.get().room).toBeNull();
  });
});

describe('in a room', () => {
  beforeEach(() => call.join('alpha'));

  it('tells who comes and goes, for a moment, and no longer after leaving', () => {
    current().events.joined('Carol');
    expect(notices.shown.get()).toMatchObject([{ kind: 'presence', text: 'Carol has joined.' }]);
    vi.advanceTimersByTime(4_000);
    expect(kinds()).toEqual([]);
    current().events.left('Carol');
    expect(kinds()).toEqual(['presence']);
    call.leave();
    expect(kinds()).toEqual([]);
    expect(said()).toBe('You have left alpha.');
  });

  it('a lost connection is told, and its return, which goes by itself', () => {
    current().set('reconnecting');
    expect(kinds()).toEqual(['reconnecting']);
    vi.advanceTimersByTime(60_000);
    expect(kinds()).toEqual(['reconnecting']);
    current().set('connected');
    expect(kinds()).toEqual(['reconnected']);
    vi.advanceTimersByTime(5_000);
    expect(kinds()).toEqual([]);
  });

  it('a connection lost for good is made anew, with another ticket', async () => {
    const first = current();
    first.events.ended(undefined);
    expect(call.view.get()).toMatchObject({ room: 'alpha', connection: 'reconnecting' });
    ticket.mockRejectedValueOnce(new ApiError('The server does not answer.', null));
    await vi.advanceTimersByTimeAsync(500);
    expect(sessions).toEqual([first]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sessions).toHaveLength(2);
    expect(call.view.get()).toMatchObject({ room: 'alpha', connection: 'connected' });
    expect(kinds()).toEqual(['reconnected']);
  });

  it('gives up after two minutes, and says what to do', async () => {
    ticket.mockRejectedValue(new ApiError('The server does not answer.', null));
    current().events.ended(undefined);
    await vi.advanceTimersByTimeAsync(110_000);
    expect(call.view.get().room).toBe('alpha');
    await vi.advanceTimersByTimeAsync(20_000);
    expect(call.view.get().room).toBeNull();
    expect(notices.shown.get()).toMatchObject([{ kind: 'disconnected' }]);
  });

  it.each([
    ['SERVER_SHUTDOWN', /server has shut down/],
    ['DUPLICATE_IDENTITY', /another tab or device/],
    ['PARTICIPANT_REMOVED', /removed/],
    ['ROOM_DELETED', /closed/],
  ] as const)('an end by %s is told, and home again', (reason, text) => {
    current().events.ended(reason);
    expect(call.view.get().room).toBeNull();
    const [notice, ...others] = notices.shown.get();
    expect(others).toEqual([]);
    expect(notice).toMatchObject({ kind: 'disconnected', lasts: null });
    expect(notice?.text).toMatch(text);
  });
});

describe('waking', () => {
  it('after a sleep the connection is made anew at once; shown again, only sound is looked at', async () => {
    await call.join('alpha');
    call.wake('shown');
    call.wake('online');
    expect(current().renew).not.toHaveBeenCalled();
    expect(current().playAgain).toHaveBeenCalledTimes(2);
    call.wake('slept');
    expect(current().renew).toHaveBeenCalledOnce();
  });

  it('a connection that was lost for good is tried at once, and from then on as long as ever', async () => {
    await call.join('alpha');
    current().events.ended('CLIENT_INITIATED');
    ticket.mockRejectedValue(new ApiError('no network', null));
    await vi.advanceTimersByTimeAsync(110_000);
    const before = ticket.mock.calls.length;
    call.wake('online');
    await vi.advanceTimersByTimeAsync(0);
    expect(ticket).toHaveBeenCalledTimes(before + 1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(call.view.get().room).toBe('alpha');
    ticket.mockResolvedValue({ token: 'token', url: 'ws://server', identity: 'me' });
    call.wake('slept');
    await vi.advanceTimersByTimeAsync(0);
    expect(call.view.get()).toMatchObject({ room: 'alpha', connection: 'connected' });
  });

  it('at home there is nothing to do', () => {
    call.wake('slept');
    expect(sessions).toEqual([]);
  });
});
