import { beforeEach, expect, it, vi } from 'vitest';
import { ApiError } from '../rooms/api';
import { Admin, REFRESH_MS } from './admin';
import type { AdminApi, Overview, RoomLine } from './api';
import { keepToken, takeToken } from './token';

const OVERVIEW: Overview = {
  version: '1',
  startedAt: 0,
  uptime: 1,
  cpu: 0.1,
  workers: [0.1],
  cores: 2,
  memory: 1,
  bitrateIn: 1,
  bitrateOut: 1,
  packetsIn: 1,
  packetsOut: 1,
  packetsDropped: 0,
  rooms: 1,
  people: 1,
  hasHistory: true,
  hasFigures: true,
};

const line = (name: string) => ({ sid: `RM_${name}`, name }) as RoomLine;

class FakeApi {
  token = '';
  rooms: RoomLine[] = [line('atrium')];
  failure: ApiError | null = null;
  asked: string[] = [];
  done: string[] = [];

  use(token: string): void {
    this.token = token;
  }

  readonly api = {
    use: (token: string) => this.use(token),
    overview: () => this.#answer('overview', OVERVIEW),
    rooms: () => this.#answer('rooms', this.rooms),
    room: (name: string) => this.#answer(`room ${name}`, { ...line(name), people: [] }),
    endRoom: (room: string) => this.#do(`end ${room}`),
    remove: (room: string, identity: string) => this.#do(`remove ${identity} of ${room}`),
    mute: (room: string, identity: string, track: string) => this.#do(`mute ${track} of ${identity} in ${room}`),
  } as unknown as AdminApi;

  #answer<T>(what: string, value: T): Promise<T> {
    this.asked.push(what);
    return this.failure ? Promise.reject(this.failure) : Promise.resolve(value);
  }

  #do(what: string): Promise<void> {
    this.done.push(what);
    return this.failure ? Promise.reject(this.failure) : Promise.resolve();
  }
}

let fake: FakeApi;
let seen: Document & { hidden: boolean };

beforeEach(() => {
  vi.useFakeTimers();
  fake = new FakeApi();
  seen = Object.assign(new EventTarget(), { hidden: false }) as unknown as typeof seen;
  sessionStorage.clear();
});

async function started(token: string | null = 'right'): Promise<Admin> {
  const admin = new Admin(fake.api, token, sessionStorage);
  admin.start(seen);
  await vi.advanceTimersByTimeAsync(0);
  return admin;
}

it('asks every two seconds while the page is seen, and not while it is not', async () => {
  const admin = await started();
  expect(admin.overview.get()).toBe(OVERVIEW);
  expect(admin.rooms.get().map((room) => room.name)).toEqual(['atrium']);
  await vi.advanceTimersByTimeAsync(3 * REFRESH_MS);
  expect(fake.asked.filter((what) => what === 'overview')).toHaveLength(4);
  Object.assign(seen, { hidden: true });
  await vi.advanceTimersByTimeAsync(10 * REFRESH_MS);
  expect(fake.asked.filter((what) => what === 'overview')).toHaveLength(4);
  Object.assign(seen, { hidden: false });
  seen.dispatchEvent(new Event('visibilitychange'));
  await vi.advanceTimersByTimeAsync(0);
  expect(fake.asked.filter((what) => what === 'overview')).toHaveLength(5);
  admin.stop();
});

it('keeps a minute of figures', async () => {
  const admin = await started();
  await vi.advanceTimersByTimeAsync(100 * REFRESH_MS);
  expect(admin.trail.get()).toHaveLength(30);
  admin.stop();
});

it('asks nothing without a token, and keeps one that opened', async () => {
  const admin = await started(null);
  await vi.advanceTimersByTimeAsync(10 * REFRESH_MS);
  expect(fake.asked).toEqual([]);
  await admin.enter('right');
  expect(fake.token).toBe('right');
  expect(takeToken(location, history, sessionStorage)).toBe('right');
  admin.stop();
});

it.each(['invalid_token', 'admin_off', 'too_many_requests'])(
  'after %s the token is asked for, and why',
  async (kind) => {
    keepToken('wrong', sessionStorage);
    fake.failure = new ApiError('no', 403, kind);
    const admin = await started('wrong');
    expect(admin.token.get()).toBeNull();
    expect(admin.problem.get()?.kind).toBe(kind);
    expect(takeToken(location, history, sessionStorage)).toBeNull();
    admin.stop();
  },
);

it('a server that is away leaves the last figures, and the token', async () => {
  const admin = await started();
  fake.failure = new ApiError('no', null, 'no_answer');
  await vi.advanceTimersByTimeAsync(REFRESH_MS);
  expect(admin.problem.get()?.kind).toBe('unreachable');
  expect(admin.overview.get()).toBe(OVERVIEW);
  expect(admin.token.get()).toBe('right');
  fake.failure = null;
  await vi.advanceTimersByTimeAsync(REFRESH_MS);
  expect(admin.problem.get()).toBeNull();
  admin.stop();
});

it('only rooms that are opened are asked for in detail, until they end', async () => {
  const admin = await started();
  expect(fake.asked).not.toContain('room atrium');
  admin.toggle('atrium');
  await vi.advanceTimersByTimeAsync(REFRESH_MS);
  expect(admin.opened.get().get('atrium')?.people).toEqual([]);
  fake.rooms = [];
  await vi.advanceTimersByTimeAsync(REFRESH_MS);
  expect([...admin.opened.get().keys()]).toEqual([]);
  admin.stop();
});

it('what is done is shown at once, and what fails is told', async () => {
  const admin = await started();
  expect(await admin.act({ kind: 'end', room: 'atrium' })).toBe(true);
  expect(await admin.act({ kind: 'remove', room: 'atrium', identity: 'a', name: 'A' })).toBe(true);
  const mute = { kind: 'mute', room: 'atrium', identity: 'a', name: 'A', track: 'TR_1', source: 'Camera' } as const;
  expect(await admin.act(mute)).toBe(true);
  expect(fake.done).toEqual(['end atrium', 'remove a of atrium', 'mute TR_1 of a in atrium']);
  fake.failure = new ApiError('gone', 404, 'room_not_found');
  expect(await admin.act({ kind: 'end', room: 'atrium' })).toBe(false);
  expect(admin.failed.get()?.kind).toBe('room_not_found');
  admin.stop();
});

it('a token in the address is kept and taken out of it', () => {
  const address = { hash: '#token=from%20dev', pathname: '/video/admin', search: '' } as Location;
  const replaced: unknown[] = [];
  const past = { state: null, replaceState: (...given: unknown[]) => replaced.push(given[2]) } as unknown as History;
  expect(takeToken(address, past, sessionStorage)).toBe('from dev');
  expect(replaced).toEqual(['/video/admin']);
  expect(takeToken({ hash: '' } as Location, past, sessionStorage)).toBe('from dev');
});
