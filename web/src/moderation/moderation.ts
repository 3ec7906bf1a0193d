// What moderators have set in the room, who waits to be let in, and what oneself may do. The server decides all of it: packets from it say
// that something has changed, and the API what holds then. So a packet that somebody forges does no harm.
import { RoomEvent, type LocalParticipant, type Participant, type Room, type TrackPublication } from 'livekit-client';
import type { Feature } from '../call/feature';
import { t } from '../i18n/i18n';
import type { LocalMedia } from '../media/local-media';
import type { Notices } from '../notices/notices';
import { isModerator } from '../people/people';
import { ApiError } from '../rooms/api';
import { sayError } from '../rooms/errors';
import { Store } from '../state/store';
import type { Command, ModerationApi, RoomState, Setting, Source, WaitingPerson } from './api';
import { mayPublish } from './permissions';

export interface ModerationView {
  isModerator: boolean;
  settings: RoomState['settings'] | null;
  waiting: readonly WaitingPerson[];
  /** What one may send oneself. */
  may: Record<'microphone' | 'screen', boolean>;
}

/** What wants an answer of the person. */
export type Question =
  | { kind: 'remove'; identity: string; name: string }
  | { kind: 'end' }
  | { kind: 'unmute'; source: 'microphone' | 'camera' };

const NOTHING: ModerationView = {
  isModerator: false,
  settings: null,
  waiting: [],
  may: { microphone: true, screen: true },
};

const TOPICS = { asked: 'visavis.ask-to-unmute', settings: 'visavis.settings', waiting: 'visavis.waiting' };

interface Parts {
  api: ModerationApi;
  media: LocalMedia;
  notices: Notices;
}

export class Moderation implements Feature {
  readonly view = new Store<ModerationView>(NOTHING);
  readonly question = new Store<Question | null>(null);
  readonly #parts: Parts;
  #room: Room | null = null;
  #token = '';
  #isInside = false;
  #turn = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  attach(room: Room): () => void {
    this.#room = room;
    const packet = (
      payload: Uint8Array,
      sender: Participant | undefined,
      _kind: unknown,
      topic: string | undefined,
    ) => {
      if (sender !== undefined) return;
      if (topic === TOPICS.asked) this.#asked(payload);
      else if (topic === TOPICS.settings || topic === TOPICS.waiting) void this.#refresh();
    };
    const own = (participant: Participant) => {
      if (participant === room.localParticipant) this.#read(room.localParticipant);
    };
    const permitted = (_: unknown, participant: Participant) => own(participant);
    const attributes = (_: unknown, participant: Participant) => own(participant);
    const muted = (publication: TrackPublication, participant: Participant) => {
      if (participant === room.localParticipant) this.#muted(publication);
    };
    const back = () => void this.#refresh();
    room.on(RoomEvent.DataReceived, packet);
    room.on(RoomEvent.ParticipantPermissionsChanged, permitted);
    room.on(RoomEvent.ParticipantAttributesChanged, attributes);
    room.on(RoomEvent.TrackMuted, muted);
    room.on(RoomEvent.Reconnected, back);
    return () => {
      room.off(RoomEvent.DataReceived, packet);
      room.off(RoomEvent.ParticipantPermissionsChanged, permitted);
      room.off(RoomEvent.ParticipantAttributesChanged, attributes);
      room.off(RoomEvent.TrackMuted, muted);
      room.off(RoomEvent.Reconnected, back);
      if (this.#room === room) this.#room = null;
    };
  }

  entered(token: string): void {
    this.#token = token;
    if (this.#room) this.#read(this.#room.localParticipant);
    this.#isInside = true;
    void this.#refresh();
  }

  reset(): void {
    this.#turn++;
    this.#isInside = false;
    this.view.set(NOTHING);
    this.question.set(null);
    this.#tellWaiting([]);
  }

  mute(identity: string, source: Source): Promise<boolean> {
    return this.#command('mute', { identity, source });
  }

  async muteAll(): Promise<void> {
    if (await this.#command('mute', {})) this.#told(t('moderation:mutedAll'));
  }

  async askToUnmute(identity: string, name: string): Promise<void> {
    if (await this.#command('ask-to-unmute', { identity })) this.#told(t('moderation:hasAsked', { name }));
  }

  async remove(identity: string, name: string): Promise<void> {
    if (await this.#command('remove', { identity })) this.#told(t('moderation:hasRemoved', { name }));
  }

  async appoint(identity: string, name: string): Promise<void> {
    if (await this.#command('moderators', { identity })) this.#told(t('moderation:hasAppointed', { name }));
  }

  /** Lets one person in who waits, or everybody. */
  admit(id: string | null): Promise<boolean> {
    return this.#command('admit', id === null ? { all: true } : { id });
  }

  refuse(id: string): Promise<boolean> {
    return this.#command('refuse', { id });
  }

  set(setting: Setting, isOn: boolean): Promise<boolean> {
    return this.#do(async (room, token) => {
      this.#know(await this.#parts.api.set(room, token, { [setting]: isOn }));
    });
  }

  end(): Promise<boolean> {
    return this.#do((room, token) => this.#parts.api.end(room, token));
  }

  /** Whether one may send this; if not, says so. */
  isAllowed(what: 'microphone' | 'screen'): boolean {
    const isAllowed = this.view.get().may[what];
    if (!isAllowed) this.#tell('moderation', t(`moderation:denied.${what}`));
    return isAllowed;
  }

  answerUnmute(source: 'microphone' | 'camera', isWilling: boolean): void {
    this.question.set(null);
    if (isWilling) this.#parts.media.wish(source, true);
  }

  #command(command: Command, body: Record<string, unknown>): Promise<boolean> {
    return this.#do((room, token) => this.#parts.api.command(room, token, command, body));
  }

  async #do(act: (room: string, token: string) => Promise<void>): Promise<boolean> {
    const room = this.#room?.name;
    if (!room) return false;
    try {
      await act(room, this.#token);
      return true;
    } catch (error) {
      const why = error instanceof ApiError ? sayError(error) : String(error);
      this.#tell('moderation', t('moderation:failed', { why }));
      return false;
    }
  }

  /** Asks what holds now. A packet of the server says when that is worth it. */
  async #refresh(): Promise<void> {
    const room = this.#room;
    if (!room || room.name === '') return;
    const turn = ++this.#turn;
    try {
      const state = await this.#parts.api.state(room.name, this.#token);
      if (turn === this.#turn && this.#room === room) this.#know(state);
    } catch {
      // What is known stays; the next packet asks anew.
    }
  }

  #know({ settings, waiting }: RoomState): void {
    this.view.set({ ...this.view.get(), settings, waiting });
    this.#tellWaiting(waiting);
  }

  #read(participant: LocalParticipant): void {
    const before = this.view.get();
    const may = { microphone: mayPublish(participant, 'microphone'), screen: mayPublish(participant, 'screen') };
    const next = { ...before, isModerator: isModerator(participant), may };
    this.view.set(next);
    if (next.isModerator && !before.isModerator) {
      // Who makes a room need not be told; and before it is entered there is no token to ask with.
      if (this.#isInside) {
        this.#told(t('moderation:youModerate'));
        void this.#refresh();
      }
    }
    for (const what of ['microphone', 'screen'] as const) {
      if (before.may[what] && !may[what]) this.#tell('moderation', t(`moderation:denied.${what}`));
      if (!before.may[what] && may[what]) this.#tell('moderation', t(`moderation:allowed.${what}`));
    }
    // Off, also when it may be on again: nobody is put on air unawares.
    if (!may.microphone && this.#parts.media.wishes.get().microphone) this.#parts.media.wish('microphone', false);
  }

  /** Our own buttons mute as they are pressed; what is muted otherwise, the server has muted. */
  #muted(publication: TrackPublication): void {
    const { media } = this.#parts;
    const source: string = publication.source;
    if (source !== 'microphone' && source !== 'camera') return;
    const state = source === 'camera' ? media.picture.get() : media.microphone.state.get();
    // While blur loads, or the system holds the device, there is nothing to send, and we have muted it.
    if (!media.wishes.get()[source] || state.status !== 'live' || state.isHeld) return;
    media.wish(source, false);
    this.#tell('moderation', t(`moderation:mutedYou.${source}`));
  }

  #asked(payload: Uint8Array): void {
    let source: unknown;
    try {
      ({ source } = JSON.parse(new TextDecoder().decode(payload)) as { source?: unknown });
    } catch {
      return;
    }
    if (source !== 'microphone' && source !== 'camera') return;
    if (this.#parts.media.wishes.get()[source]) return;
    this.question.set({ kind: 'unmute', source });
  }

  #tellWaiting(waiting: readonly WaitingPerson[]): void {
    const { notices } = this.#parts;
    const [first] = waiting;
    if (!first) {
      notices.dismiss('knock');
      return;
    }
    const name = first.name || t('moderation:nameless');
    const isOne = waiting.length === 1;
    notices.show({
      slot: 'knock',
      kind: 'knock',
      tone: 'info',
      text: isOne ? t('moderation:knocks', { name }) : t('moderation:waiting', { count: waiting.length }),
      lasts: null,
      action: {
        label: t(isOne ? 'moderation:letIn' : 'moderation:letAllIn'),
        run: () => void this.admit(isOne ? first.id : null),
      },
      ...(isOne ? { otherAction: { label: t('moderation:refuse'), run: () => void this.refuse(first.id) } } : {}),
    });
  }

  #told(text: string): void {
    this.#parts.notices.show({ slot: 'moderation', kind: 'moderation', tone: 'good', text, lasts: 5_000 });
  }

  #tell(slot: string, text: string): void {
    this.#parts.notices.show({ slot, kind: 'moderation', tone: 'warning', text, lasts: 10_000 });
  }
}
