// Who in a call can read whom. What is encrypted otherwise than by our key is not played: it would be noise, or come from who only
// claims to be somebody. The client library does the encrypting; `worker.ts` starts it.
import {
  CryptorError,
  CryptorErrorReason,
  RoomEvent,
  type Participant,
  type Room,
  type TrackPublication,
} from 'livekit-client';
import type { Feature } from '../call/feature';
import { t } from '../i18n/i18n';
import type { Notices } from '../notices/notices';
import { Store } from '../state/store';

/** Why somebody and we cannot see and hear each other. */
export type Why =
  /** The call is encrypted, what they send is not. */
  | 'no-key'
  /** They have another key than we. */
  | 'other-key'
  /** They encrypt, and we have no key. */
  | 'own-key-missing';

export interface Stranger {
  identity: string;
  name: string;
  why: Why;
}

export interface EncryptionView {
  /** Whether this page encrypts what it sends. */
  isOn: boolean;
  strangers: readonly Stranger[];
}

const NOTHING: EncryptionView = { isOn: false, strangers: [] };

/** Whether a track of somebody else's can be played here. */
export function isReadable(
  publication: Pick<TrackPublication, 'isEncrypted'>,
  room: Pick<Room, 'hasE2EESetup'>,
): boolean {
  return publication.isEncrypted === room.hasE2EESetup;
}

/**
 * Whether data of somebody else's is taken: in an encrypted call not from who is known to have no key. By the sender's tracks, because the
 * client library (2.23) does not tell which data came encrypted: the packets that it sends name no encryption.
 */
export function isTrusted(identity: string, room: Pick<Room, 'hasE2EESetup' | 'remoteParticipants'>): boolean {
  if (!room.hasE2EESetup) return true;
  const sender = room.remoteParticipants.get(identity);
  return sender !== undefined && [...sender.trackPublications.values()].every((track) => track.isEncrypted);
}

/** In plain words. */
export function sentenceOf({ name, why }: Stranger): string {
  switch (why) {
    case 'no-key':
      return t('encryption:no-key', { name });
    case 'other-key':
      return t('encryption:other-key', { name });
    case 'own-key-missing':
      return t('encryption:own-key-missing', { name });
  }
}

export class Encryption implements Feature {
  readonly view = new Store<EncryptionView>(NOTHING);
  readonly #notices: Notices;
  /** By sid, so that who comes back with the right key is judged anew. */
  readonly #unreadable = new Set<string>();
  readonly #told = new Set<string>();

  constructor(notices: Notices) {
    this.#notices = notices;
  }

  attach(room: Room): () => void {
    const look = () => this.#look(room);
    const changes = [
      RoomEvent.Connected,
      RoomEvent.ParticipantConnected,
      RoomEvent.ParticipantDisconnected,
      RoomEvent.ParticipantNameChanged,
      RoomEvent.TrackPublished,
      RoomEvent.TrackUnpublished,
    ] as const;
    const failed = (error: Error, participant?: Participant) => {
      if (!participant || participant.isLocal) return;
      if (error instanceof CryptorError && error.reason === CryptorErrorReason.InternalError) return;
      this.#unreadable.add(participant.sid);
      look();
    };
    for (const change of changes) room.on(change, look);
    room.on(RoomEvent.EncryptionError, failed);
    return () => {
      for (const change of changes) room.off(change, look);
      room.off(RoomEvent.EncryptionError, failed);
    };
  }

  reset(): void {
    this.#unreadable.clear();
    this.#told.clear();
    this.#notices.dismiss('encryption');
    this.view.set(NOTHING);
  }

  #look(room: Room): void {
    const isOn = room.hasE2EESetup;
    const strangers = [...room.remoteParticipants.values()].flatMap((participant): Stranger[] => {
      const why = this.#whyOf(participant, isOn);
      return why ? [{ identity: participant.identity, name: participant.name || participant.identity, why }] : [];
    });
    const before = this.view.get();
    if (before.isOn !== isOn || JSON.stringify(before.strangers) !== JSON.stringify(strangers)) {
      this.view.set({ isOn, strangers });
    }
    this.#tell(strangers);
  }

  #whyOf(participant: Participant, isOn: boolean): Why | null {
    const tracks = [...participant.trackPublications.values()];
    if (!isOn) return tracks.some((track) => track.isEncrypted) ? 'own-key-missing' : null;
    if (tracks.some((track) => !track.isEncrypted)) return 'no-key';
    return this.#unreadable.has(participant.sid) ? 'other-key' : null;
  }

  /** Once for each; what concerns our own link stays until we leave. */
  #tell(strangers: readonly Stranger[]): void {
    const isMissing = strangers.some(({ why }) => why === 'own-key-missing');
    const news = strangers.filter(({ identity, why }) => !this.#told.has(`${identity} ${why}`));
    for (const { identity, why } of news) this.#told.add(`${identity} ${why}`);
    const [first] = news;
    if (!first) return;
    const text = isMissing ? t('encryption:link-without-key') : sentenceOf(first);
    this.#notices.show({
      slot: 'encryption',
      kind: isMissing ? 'key-missing' : 'stranger',
      tone: 'warning',
      text,
      lasts: isMissing ? null : 15_000,
    });
  }
}
