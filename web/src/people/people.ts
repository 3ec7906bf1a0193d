// Everyone in the room as a list: who can be heard and seen, and whose hand is up, in the order they were raised. A raised hand is an
// attribute of the participant, the time it was raised, so that late joiners and other LiveKit clients see it.
import { RoomEvent, Track, type Participant, type Room } from 'livekit-client';
import { keepSame } from '../call/tiles';
import type { Feature } from '../call/feature';
import { t } from '../i18n/i18n';
import type { Notices } from '../notices/notices';
import { OncePerFrame } from '../state/frames';
import { Store } from '../state/store';

export const HAND = 'visavis.hand';
export const ROLE = 'visavis.role';

export interface PersonInRoom {
  key: string;
  identity: string;
  name: string;
  isLocal: boolean;
  isAgent: boolean;
  isModerator: boolean;
  isMuted: boolean;
  isCameraOff: boolean;
  isSharing: boolean;
  isSpeaking: boolean;
  /** The place among the raised hands, from 1; null: no hand is up. */
  hand: number | null;
}

type RoomParts = Pick<Room, 'localParticipant' | 'remoteParticipants'>;

/** Behind every hand; not Infinity, which less itself is no number. */
const LAST = Number.MAX_SAFE_INTEGER;

export class People implements Feature {
  readonly list = new Store<readonly PersonInRoom[]>([]);
  readonly #notices: Notices;
  readonly #now: () => number;
  #room: Room | null = null;
  /** Whether the hand is to be up, while the server has not answered. */
  #handAsked: boolean | null = null;
  #handChange: Promise<void> = Promise.resolve();

  constructor(notices: Notices, now: () => number = Date.now) {
    this.#notices = notices;
    this.#now = now;
  }

  attach(room: Room): () => void {
    this.#room = room;
    const soon = new OncePerFrame(() => {
      if (room.localParticipant.identity !== '') this.#read(room);
    });
    const changes = [
      RoomEvent.Connected,
      RoomEvent.Reconnected,
      RoomEvent.ParticipantConnected,
      RoomEvent.ParticipantDisconnected,
      RoomEvent.ParticipantNameChanged,
      RoomEvent.ParticipantAttributesChanged,
      RoomEvent.TrackPublished,
      RoomEvent.TrackUnpublished,
      RoomEvent.LocalTrackPublished,
      RoomEvent.LocalTrackUnpublished,
      RoomEvent.TrackMuted,
      RoomEvent.TrackUnmuted,
      RoomEvent.ActiveSpeakersChanged,
    ] as const;
    for (const change of changes) room.on(change, soon.call);
    return () => {
      for (const change of changes) room.off(change, soon.call);
      soon.cancel();
      if (this.#room === room) this.#room = null;
    };
  }

  reset(): void {
    this.list.set([]);
  }

  /** Raises the own hand, or lowers it. Who presses again before the server has answered means what was asked for last. */
  async toggleHand(): Promise<void> {
    const isUp = !(this.#handAsked ?? this.list.get().some(({ isLocal, hand }) => isLocal && hand !== null));
    this.#handAsked = isUp;
    // One after the other: the client library takes a change that another one has overtaken for a failed one.
    this.#handChange = this.#handChange.then(() => this.#setHand(isUp));
    await this.#handChange;
    if (this.#handAsked === isUp) this.#handAsked = null;
  }

  async #setHand(isUp: boolean): Promise<void> {
    const value = isUp ? new Date(this.#now()).toISOString() : '';
    try {
      await this.#room?.localParticipant.setAttributes({ [HAND]: value });
    } catch {
      this.#notices.show({
        slot: 'hand',
        kind: 'hand-failed',
        tone: 'warning',
        text: t(isUp ? 'people:notRaised' : 'people:notLowered'),
        lasts: 6_000,
      });
    }
  }

  #read(room: RoomParts): void {
    const before = this.list.get();
    const after = keepSame(before, peopleOf(room));
    if (after === before) return;
    this.list.set(after);
    const old = new Map(before.map((person) => [person.identity, person]));
    for (const person of after) {
      const wasUp = old.get(person.identity)?.hand != null;
      if (person.hand === null && wasUp && person.isLocal) this.#notices.announce(t('people:handDown'));
      if (person.hand === null || wasUp) continue;
      if (person.isLocal) this.#notices.announce(t('people:handUpTold', { number: person.hand }));
      else this.#notices.announce(t('people:hasRaised', { name: person.name }));
    }
  }
}

/** Raised hands first, in their order; then oneself, then the others by name. */
export function peopleOf(room: RoomParts): PersonInRoom[] {
  const everyone: Participant[] = [room.localParticipant, ...room.remoteParticipants.values()];
  const raised = everyone
    .map((participant) => ({ participant, at: raisedAt(participant) }))
    .filter(({ at }) => at !== null)
    .sort((a, b) => (a.at ?? 0) - (b.at ?? 0) || (a.participant.identity < b.participant.identity ? -1 : 1))
    .map(({ participant }) => participant.identity);
  const places = new Map(raised.map((identity, place) => [identity, place + 1]));
  const people = everyone.map((participant) => personOf(participant, places.get(participant.identity) ?? null));
  return people.sort(
    (a, b) =>
      (a.hand ?? LAST) - (b.hand ?? LAST) ||
      Number(b.isLocal) - Number(a.isLocal) ||
      a.name.localeCompare(b.name) ||
      (a.identity < b.identity ? -1 : 1),
  );
}

function personOf(participant: Participant, hand: number | null): PersonInRoom {
  const microphone = participant.getTrackPublication(Track.Source.Microphone);
  const camera = participant.getTrackPublication(Track.Source.Camera);
  const screen = participant.getTrackPublication(Track.Source.ScreenShare);
  return {
    key: participant.identity,
    identity: participant.identity,
    name: participant.name || participant.identity,
    isLocal: participant.isLocal,
    isAgent: participant.isAgent,
    isModerator: isModerator(participant),
    isMuted: !microphone || microphone.isMuted,
    isCameraOff: !camera || camera.isMuted,
    isSharing: screen !== undefined && !screen.isMuted,
    isSpeaking: participant.isSpeaking,
    hand,
  };
}

/** The server sets it; what clients say of it, it leaves out. */
export function isModerator({ attributes }: Participant): boolean {
  return attributes[ROLE] === 'moderator';
}

function raisedAt({ attributes }: Participant): number | null {
  const at = Date.parse(attributes[HAND] ?? '');
  return Number.isNaN(at) ? null : at;
}
