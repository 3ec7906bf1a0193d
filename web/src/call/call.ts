// The call as the person knows it: joining a room, being in it, losing it, getting it back, leaving. Holds the one session there may
// be, and turns what happens to it into notices. Part of home: what carries a call is fetched when it is needed.
import type { Sample } from '../connection/figures';
import { t } from '../i18n/i18n';
import type { LocalMedia } from '../media/local-media';
import type { DeviceKind } from '../media/problems';
import type { Notices } from '../notices/notices';
import { ApiError, type Person, type RoomOptions, type Ticket, type VideoApi } from '../rooms/api';
import { roomNameProblem } from '../rooms/names';
import type { Wake } from '../shell/waking';
import { Store } from '../state/store';
import { Presence } from './presence';
import { endingOf, failureOf, shorten } from './reasons';
import type { Session, SessionEvents, SessionView } from './session';

export type CallView = { room: null } | ({ room: string } & SessionView);

export interface CallParts {
  api: VideoApi;
  media: LocalMedia;
  notices: Notices;
  person: () => Person;
  engine: () => Promise<Engine>;
  /** What calls in a room are encrypted by; null: nothing. */
  key?: (room: string) => string | null;
}

/** What carries calls: the client library, and all that goes on in a room. */
export interface Engine {
  /** Rejects where a key is given and nothing can be encrypted by it: never goes on without. */
  session(events: SessionEvents, key: string | null): Session | Promise<Session>;
  /** Nothing of the room that was left is kept. */
  forget(): void;
}

const HOME: CallView = { room: null };

const JOINING: SessionView = { connection: 'joining', tiles: [], sounds: [], canPlaySound: true, isSharing: false };

/** Waits between tries to get back into a room whose connection was lost for good: about two minutes in all. */
const REJOIN_WAITS = [500, 1_000, 2_000, 4_000, ...Array<number>(14).fill(8_000)];

export class Call {
  readonly view = new Store<CallView>(HOME);
  /** A moderator has to let one in. */
  readonly isWaiting = new Store(false);
  readonly #parts: CallParts;
  readonly #presence = new Presence((text) => this.#tellPresence(text));
  #engine: Engine | null = null;
  #waits: AbortController | null = null;
  #session: Session | null = null;
  #stopFollowing: () => void = () => undefined;
  /** Counts joins and leaves: whoever awaited something looks whether it still matters. */
  #turn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Tries now what waits for its time. */
  #hurry: (() => void) | null = null;
  #key: string | null = null;

  constructor(parts: CallParts) {
    this.#parts = parts;
  }

  /** Joins a room; with options, makes it if there is none of that name. */
  async join(room: string, options?: RoomOptions): Promise<void> {
    const now = this.view.get();
    const key = this.#parts.key?.(room) ?? null;
    const isSame = now.room === room && this.#key === key;
    if (isSame && now.connection !== 'reconnecting') return;
    this.#key = key;
    const turn = this.#drop();
    const { notices, media } = this.#parts;
    for (const slot of ['call', 'connection']) notices.dismiss(slot);
    if (!isSame) this.#forget();
    const problem = roomNameProblem(room);
    if (problem) {
      this.#fail(t('call:notJoined', { room: shorten(room), why: problem }));
      return;
    }
    this.view.set({ room, ...JOINING });
    media.enterCall();
    try {
      await this.#connect(room, turn, options);
    } catch (error) {
      if (turn !== this.#turn) return;
      const { again, text } = failureOf(error, room);
      this.#fail(text, again ? () => void this.join(room, options) : undefined);
    }
  }

  leave(): void {
    const { room } = this.view.get();
    if (room === null) return;
    this.#drop();
    this.#goHome();
    this.#parts.notices.dismiss('connection');
    this.#parts.notices.announce(t('call:left', { room }));
  }

  async share(on: boolean): Promise<void> {
    try {
      await this.#session?.share(on);
    } catch (error) {
      // The person closed the browser's picker: nothing to tell.
      if (error instanceof Error && error.name === 'NotAllowedError') return;
      this.#parts.notices.show({
        slot: 'screen',
        kind: 'screen-failed',
        tone: 'warning',
        text: t('call:screenFailed'),
        lasts: 10_000,
      });
    }
  }

  startSound(): Promise<void> {
    return this.#session?.startSound() ?? Promise.resolve();
  }

  /** The page slept, was hidden or had no network. */
  wake(wake: Wake): void {
    if (this.#hurry) this.#hurry();
    else if (wake === 'slept') void this.#session?.renew();
    void this.#session?.playAgain();
  }

  /** What the call's connections have counted so far; null while there are none. */
  sample(): Promise<Sample | null> {
    return this.#session?.sample() ?? Promise.resolve(null);
  }

  rename(name: string): Promise<boolean> {
    return this.#session?.rename(name) ?? Promise.resolve(false);
  }

  async #ticket(room: string, options?: RoomOptions): Promise<Ticket> {
    const { api, person } = this.#parts;
    const made = options && (await api.create(person(), room, options));
    return made ?? this.#enter(room);
  }

  async #connect(room: string, turn: number, options?: RoomOptions): Promise<void> {
    const { engine, notices } = this.#parts;
    const [ticket, ready] = await Promise.all([this.#ticket(room, options), engine()]);
    if (turn !== this.#turn) return;
    this.#engine = ready;
    const session = await ready.session(
      {
        joined: (name) => this.#presence.joined(name),
        left: (name) => this.#presence.left(name),
        ended: (reason) => this.#ended(endingOf(reason), room),
        publishFailed: (source) => this.#publishFailed(source),
      },
      this.#key,
    );
    if (turn !== this.#turn) {
      void session.close();
      return;
    }
    this.#session = session;
    const before = this.view.get();
    const wasLost = before.room !== null && before.connection === 'reconnecting';
    try {
      await session.connect(ticket.url, ticket.token);
    } catch (error) {
      if (this.#session === session) this.#session = null;
      void session.close();
      throw error;
    }
    if (turn !== this.#turn) return;
    const show = () => {
      const was = this.view.get();
      const next = session.view.get();
      this.view.set({ room, ...next });
      if (was.room !== null && was.connection !== next.connection)
        this.#tellConnection(was.connection, next.connection);
    };
    this.#stopFollowing = session.view.subscribe(show);
    show();
    if (!wasLost) notices.announce(t('call:entered', { room }));
  }

  /** What one needs to join; where one has to be let in, once that is so. */
  async #enter(room: string): Promise<Ticket> {
    const { api, person } = this.#parts;
    const waits = (this.#waits = new AbortController());
    try {
      return await api.ticket(person(), room);
    } catch (error) {
      if (!(error instanceof ApiError) || error.kind !== 'must_knock' || this.#waits !== waits) throw error;
    }
    this.isWaiting.set(true);
    try {
      return await api.knock(person(), room, waits.signal);
    } finally {
      if (this.#waits === waits) this.isWaiting.set(false);
    }
  }

  #tellConnection(was: SessionView['connection'], now: SessionView['connection']): void {
    const { notices } = this.#parts;
    if (now === 'reconnecting') {
      notices.show({
        slot: 'connection',
        kind: 'reconnecting',
        tone: 'warning',
        text: t('call:reconnecting'),
        lasts: null,
      });
    } else if (was === 'reconnecting') {
      notices.show({
        slot: 'connection',
        kind: 'reconnected',
        tone: 'good',
        text: t('call:reconnected'),
        lasts: 5_000,
      });
    }
  }

  #ended(ending: ReturnType<typeof endingOf>, room: string): void {
    const turn = this.#drop();
    if (!ending.again) {
      this.#parts.notices.dismiss('connection');
      this.#goHome();
      this.#tellOver(ending.text);
      return;
    }
    this.#setReconnecting(room);
    this.#rejoin(room, turn, 0);
  }

  /** Joins anew after the client library gave up: another token, another connection, the same place. */
  #rejoin(room: string, turn: number, attempt: number): void {
    const wait = REJOIN_WAITS[attempt];
    if (wait === undefined) {
      this.#drop();
      this.#parts.notices.dismiss('connection');
      this.#goHome();
      this.#tellOver(t('call:end.lost'));
      return;
    }
    const go = (next: number) => {
      clearTimeout(this.#timer);
      this.#hurry = null;
      this.#connect(room, turn).catch((error: unknown) => {
        if (turn !== this.#turn) return;
        const { again, text } = failureOf(error, room);
        if (again) {
          this.#rejoin(room, turn, next);
        } else {
          this.#parts.notices.dismiss('connection');
          this.#fail(text);
        }
      });
    };
    this.#timer = setTimeout(() => go(attempt + 1), wait);
    // Whoever wakes up has the whole patience again.
    this.#hurry = () => go(0);
  }

  #setReconnecting(room: string): void {
    const was = this.view.get();
    const scene = was.room === null ? { tiles: [], canPlaySound: true } : was;
    this.view.set({
      room,
      connection: 'reconnecting',
      tiles: scene.tiles,
      sounds: [],
      canPlaySound: scene.canPlaySound,
      isSharing: false,
    });
    this.#tellConnection('connected', 'reconnecting');
  }

  #tellPresence(text: string): void {
    this.#parts.notices.show({ slot: 'presence', kind: 'presence', tone: 'info', text, lasts: 4_000 });
  }

  #publishFailed(source: DeviceKind): void {
    this.#parts.notices.show({
      slot: 'publish',
      kind: 'publish-failed',
      tone: 'bad',
      text: t(`call:notSent.${source}`),
      lasts: null,
    });
  }

  #fail(text: string, again?: () => void): void {
    this.#drop();
    this.#goHome();
    const action = again ? { action: { label: t('call:tryAgain'), run: again } } : {};
    this.#parts.notices.show({ slot: 'call', kind: 'join-failed', tone: 'bad', text, lasts: null, ...action });
  }

  #tellOver(text: string): void {
    this.#parts.notices.show({ slot: 'call', kind: 'disconnected', tone: 'bad', text, lasts: null });
  }

  #goHome(): void {
    for (const slot of ['presence', 'publish', 'screen', 'copied']) this.#parts.notices.dismiss(slot);
    this.#parts.media.leaveCall();
    this.#forget();
    this.view.set(HOME);
  }

  #forget(): void {
    this.#engine?.forget();
  }

  /** Ends whatever session there is, and makes everything awaited before void. */
  #drop(): number {
    clearTimeout(this.#timer);
    this.#waits?.abort();
    this.#waits = null;
    this.isWaiting.set(false);
    this.#hurry = null;
    this.#presence.reset();
    this.#stopFollowing();
    this.#stopFollowing = () => undefined;
    void this.#session?.close();
    this.#session = null;
    return ++this.#turn;
  }
}

/** What the session shows; at home, what one shows that has not begun. */
export function sessionOf(view: CallView): SessionView {
  return view.room === null ? JOINING : view;
}
