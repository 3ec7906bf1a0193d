// What the operator's page knows: the token, the latest figures and a minute of them, the rooms, and those that are opened.
import { ApiError } from '../rooms/api';
import { Store } from '../state/store';
import type { AdminApi, Overview, RoomDetail, RoomLine } from './api';
import { keepToken } from './token';

export const REFRESH_MS = 2_000;
/** Points of the small charts: a minute. */
const TRAIL = 30;

/** Why nothing, or nothing new, is shown. */
export type Problem = { kind: string; message: string };

export type Action =
  | { kind: 'end'; room: string }
  | { kind: 'remove'; room: string; identity: string; name: string }
  | { kind: 'mute'; room: string; identity: string; name: string; track: string; source: string };

/** Errors after which the token has to be asked for. */
const OF_TOKEN = new Set(['no_token', 'invalid_token', 'admin_off', 'too_many_requests']);

export class Admin {
  /** Null: it has to be asked for. */
  readonly token = new Store<string | null>(null);
  readonly overview = new Store<Overview | null>(null);
  readonly trail = new Store<readonly Overview[]>([]);
  readonly rooms = new Store<readonly RoomLine[]>([]);
  /** The rooms that are opened, by name; null: not known yet. */
  readonly opened = new Store<ReadonlyMap<string, RoomDetail | null>>(new Map());
  readonly problem = new Store<Problem | null>(null);
  /** What an action came to. */
  readonly failed = new Store<Problem | null>(null);
  readonly #storage: Storage | null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #document: Document | undefined;
  #isAsking = false;

  constructor(
    readonly api: AdminApi,
    token: string | null,
    storage: Storage | null,
  ) {
    this.#storage = storage;
    if (token !== null) api.use(token);
    this.token.set(token);
  }

  /** Asks again and again while the page is seen. */
  start(seen: Document): void {
    this.#document = seen;
    seen.addEventListener('visibilitychange', () => void this.refresh());
    void this.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#document = undefined;
  }

  /** The operator typed a token. */
  async enter(token: string): Promise<void> {
    this.api.use(token);
    this.token.set(token);
    await this.refresh();
    if (this.token.get() !== null) keepToken(token, this.#storage);
  }

  /** Forgets the token and all that it opened. */
  leave(problem: Problem | null = null): void {
    keepToken(null, this.#storage);
    this.token.set(null);
    this.overview.set(null);
    this.trail.set([]);
    this.rooms.set([]);
    this.opened.set(new Map());
    this.problem.set(problem);
  }

  toggle(room: string): void {
    const opened = new Map(this.opened.get());
    if (!opened.delete(room)) opened.set(room, null);
    this.opened.set(opened);
    if (opened.has(room)) void this.refresh();
  }

  async refresh(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.token.get() === null || this.#document?.hidden === true) return;
    if (!this.#isAsking) {
      this.#isAsking = true;
      try {
        await this.#ask();
        this.problem.set(null);
      } catch (error) {
        this.#fail(error);
      } finally {
        this.#isAsking = false;
      }
    }
    clearTimeout(this.#timer);
    if (this.#document) this.#timer = setTimeout(() => void this.refresh(), REFRESH_MS);
  }

  /** Does it, and shows how things are then; answers whether it was done. */
  async act(action: Action): Promise<boolean> {
    this.failed.set(null);
    try {
      if (action.kind === 'end') await this.api.endRoom(action.room);
      else if (action.kind === 'remove') await this.api.remove(action.room, action.identity);
      else await this.api.mute(action.room, action.identity, action.track);
    } catch (error) {
      this.failed.set(problemOf(error));
      return false;
    }
    await this.refresh();
    return true;
  }

  async #ask(): Promise<void> {
    const names = [...this.opened.get().keys()];
    const [overview, rooms, details] = await Promise.all([
      this.api.overview(),
      this.api.rooms(),
      Promise.all(names.map((name) => this.api.room(name).catch(() => null))),
    ]);
    if (this.token.get() === null) return;
    this.overview.set(overview);
    this.trail.set([...this.trail.get(), overview].slice(-TRAIL));
    this.rooms.set(rooms);
    const found = new Map(names.map((name, index) => [name, details[index] ?? null]));
    const there = new Set(rooms.map((room) => room.name));
    // Opened or closed meanwhile, or ended.
    const opened = [...this.opened.get()].filter(([name]) => there.has(name) || !found.has(name));
    this.opened.set(new Map(opened.map(([name, before]) => [name, found.get(name) ?? before])));
  }

  #fail(error: unknown): void {
    const problem = problemOf(error);
    if (OF_TOKEN.has(problem.kind)) this.leave(problem);
    else this.problem.set(problem);
  }
}

export function problemOf(error: unknown): Problem {
  if (!(error instanceof ApiError)) return { kind: 'unreachable', message: String(error) };
  return { kind: (error.status === null ? null : error.kind) ?? 'unreachable', message: error.message };
}
