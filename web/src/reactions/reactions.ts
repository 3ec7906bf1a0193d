// Reactions: a sign that floats over somebody's tile for a moment. Few, and never many at once, whatever a peer sends.
import { RoomEvent, type Room } from 'livekit-client';
import type { Feature } from '../call/feature';
import { t } from '../i18n/i18n';
import type { Notices } from '../notices/notices';
import { isTrusted } from '../encryption/encryption';
import { Store } from '../state/store';

export const TOPIC = 'visavis.reaction';

type SignName = 'thumbsUp' | 'applause' | 'heart' | 'laughter' | 'surprise' | 'celebration';

/** All there are, with their names in the texts: what else comes is not shown. */
export const SIGNS: ReadonlyMap<string, SignName> = new Map([
  ['👍', 'thumbsUp'],
  ['👏', 'applause'],
  ['❤️', 'heart'],
  ['😂', 'laughter'],
  ['😮', 'surprise'],
  ['🎉', 'celebration'],
] as const);

export interface Reaction {
  key: string;
  identity: string;
  sign: string;
}

const LASTS = 4_000;
/** Of one person, in `LASTS`. */
const MOST_OF_ONE = 6;
const MOST = 60;
/** Screen readers are told what came in this time at once. */
const TELL_EVERY = 3_000;

export class Reactions implements Feature {
  readonly shown = new Store<readonly Reaction[]>([]);
  readonly #notices: Notices;
  #room: Room | null = null;
  #keys = 0;
  #told: { timer: ReturnType<typeof setTimeout>; names: Map<SignName, Set<string>> } | null = null;

  constructor(notices: Notices) {
    this.#notices = notices;
  }

  attach(room: Room): () => void {
    this.#room = room;
    const onData = (payload: Uint8Array, from: { identity: string } | undefined, _: unknown, topic?: string) => {
      if (topic !== TOPIC || !from || !isTrusted(from.identity, room)) return;
      if (payload.length < 32) this.#show(from.identity, new TextDecoder().decode(payload));
    };
    room.on(RoomEvent.DataReceived, onData);
    return () => {
      room.off(RoomEvent.DataReceived, onData);
      if (this.#room === room) this.#room = null;
    };
  }

  reset(): void {
    this.shown.set([]);
    clearTimeout(this.#told?.timer);
    this.#told = null;
  }

  send(sign: string): void {
    const own = this.#room?.localParticipant;
    if (!own || !this.#show(own.identity, sign)) return;
    // What does not reach the others now is not worth a word a moment later.
    own.publishData(new TextEncoder().encode(sign), { reliable: true, topic: TOPIC }).catch(() => undefined);
  }

  #show(identity: string, sign: string): boolean {
    const shown = this.shown.get();
    const name = SIGNS.get(sign);
    const ofOne = shown.filter((reaction) => reaction.identity === identity).length;
    if (name === undefined || ofOne >= MOST_OF_ONE || shown.length >= MOST) return false;
    const reaction = { key: `r${++this.#keys}`, identity, sign };
    this.shown.set([...shown, reaction]);
    setTimeout(() => this.shown.set(this.shown.get().filter((each) => each !== reaction)), LASTS);
    this.#tell(identity, name);
    return true;
  }

  #tell(identity: string, sign: SignName): void {
    if (this.#told) {
      this.#told.names.set(sign, (this.#told.names.get(sign) ?? new Set()).add(identity));
      return;
    }
    this.#notices.announce(t('reactions:one', { name: this.#nameOf(identity), sign: t(`reactions:sign.${sign}`) }));
    const names = new Map<SignName, Set<string>>();
    const timer = setTimeout(() => {
      this.#told = null;
      if (names.size > 0) this.#notices.announce([...names].map(([of, who]) => this.#summary(of, who)).join(' '));
    }, TELL_EVERY);
    this.#told = { timer, names };
  }

  #summary(of: SignName, who: Set<string>): string {
    const [first = ''] = who;
    const sign = t(`reactions:sign.${of}`);
    if (who.size === 1) return t('reactions:one', { name: this.#nameOf(first), sign });
    return t('reactions:several', { count: who.size, sign });
  }

  #nameOf(identity: string): string {
    const room = this.#room;
    if (room?.localParticipant.identity === identity) return t('reactions:you');
    return room?.getParticipantByIdentity(identity)?.name || identity;
  }
}
