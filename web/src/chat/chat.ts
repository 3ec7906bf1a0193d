// The chat of the room one is in. What is sent goes from person to person through the media server, which signs it with its true
// sender; what was said before one came is told by the server, which listens.
import { RoomEvent, type Room } from 'livekit-client';
import type { Feature } from '../call/feature';
import { isTrusted } from '../encryption/encryption';
import { isAvailable } from '../encryption/limits';
import { bytes } from '../i18n/format';
import { AS_IS, t } from '../i18n/i18n';
import type { Notices } from '../notices/notices';
import type { SaidMessage, VideoApi } from '../rooms/api';
import { Store } from '../state/store';
import type { Files } from './files';
import {
  extrasOf,
  FILE,
  LONGEST_MESSAGE,
  LONGEST_SHOWN,
  OLD_TOPIC,
  oldPacket,
  parseOldPacket,
  REPLY_TO,
  TOPIC,
  type Message,
} from './message';
import { fileProblem, type FileOffer } from './offer';
import { readText } from './streams';

export interface ChatView {
  messages: readonly Message[];
  unread: number;
  /** The server lets this person write. */
  canWrite: boolean;
  /** Earlier messages were dropped, because there were so many. */
  isTrimmed: boolean;
  /** Why a file was not shared. */
  problem: string | null;
}

export interface ChatParts {
  api: Pick<VideoApi, 'chat'>;
  notices: Notices;
  files: Files;
  now?: () => number;
}

/** Messages that are kept; older ones go. */
const MOST_MESSAGES = 500;
/** Of one person in this time: what is beyond nobody could read, and it is not shown. */
const MOST_OF_ONE = 40;
const WINDOW = 10_000;
/** What is not on its way by then is told as failed. */
const SEND_WITHIN = 20_000;

const EMPTY: ChatView = { messages: [], unread: 0, canWrite: true, isTrimmed: false, problem: null };

export class Chat implements Feature {
  readonly view = new Store<ChatView>(EMPTY);
  readonly files: Files;
  readonly #parts: ChatParts;
  readonly #now: () => number;
  #room: Room | null = null;
  #token: string | null = null;
  #isOpen = false;
  #keys = 0;

  constructor(parts: ChatParts) {
    this.#parts = parts;
    this.files = parts.files;
    this.#now = parts.now ?? Date.now;
    this.files.onUnasked = ({ identity, offer }) => {
      const text = fileText(offer);
      this.#received({ id: offer.id, identity, text, isCut: false, at: this.#now(), replyTo: null, file: offer });
    };
  }

  attach(room: Room): () => void {
    this.#room = room;
    room.registerTextStreamHandler(TOPIC, (reader, { identity }) => {
      if (!isTrusted(identity, room)) return void readText(reader, 0).catch(() => undefined);
      const at = this.#now();
      const { id, attributes } = reader.info;
      // Interrupted: the sender sees that it failed and sends it again.
      readText(reader, LONGEST_SHOWN).then(
        ({ text, isCut }) => this.#received({ id, identity, text, isCut, at, ...extrasOf(attributes) }),
        () => undefined,
      );
    });
    const onData = (payload: Uint8Array, from: { identity: string } | undefined, _: unknown, topic?: string) => {
      const old = topic === OLD_TOPIC && isTrusted(from?.identity ?? '', room) ? parseOldPacket(payload) : null;
      if (!old) return;
      const text = old.text.slice(0, LONGEST_SHOWN);
      const isCut = text !== old.text;
      this.#received({
        ...old,
        text,
        isCut,
        identity: from?.identity ?? '',
        at: this.#now(),
        replyTo: null,
        file: null,
      });
    };
    const onPermissions = () => {
      const canWrite = room.localParticipant.permissions?.canPublishData ?? true;
      if (canWrite !== this.view.get().canWrite) this.#change({ canWrite });
    };
    // Whoever was cut off may have missed something.
    const onReconnected = () => void this.#catchUp();
    room.on(RoomEvent.DataReceived, onData);
    room.on(RoomEvent.ParticipantPermissionsChanged, onPermissions);
    room.on(RoomEvent.Connected, onPermissions);
    room.on(RoomEvent.Reconnected, onReconnected);
    return () => {
      room.unregisterTextStreamHandler(TOPIC);
      room.off(RoomEvent.DataReceived, onData);
      room.off(RoomEvent.ParticipantPermissionsChanged, onPermissions);
      room.off(RoomEvent.Connected, onPermissions);
      room.off(RoomEvent.Reconnected, onReconnected);
      if (this.#room === room) this.#room = null;
    };
  }

  entered(token: string): void {
    this.#token = token;
    void this.#catchUp();
  }

  reset(): void {
    this.#token = null;
    this.#isOpen = false;
    this.view.set(EMPTY);
  }

  /** The panel is shown or not: what is seen is read. */
  setOpen(isOpen: boolean): void {
    this.#isOpen = isOpen;
    if (isOpen && this.view.get().unread > 0) this.#change({ unread: 0 });
  }

  /** The message that a reply is to, if it is still here. */
  find(id: string): Message | undefined {
    return this.view.get().messages.find((message) => message.id === id);
  }

  async send(text: string, replyTo: string | null = null): Promise<void> {
    const trimmed = text.trim();
    if (trimmed === '' || trimmed.length > LONGEST_MESSAGE) return;
    await this.#say({ text: trimmed, replyTo, file: null });
  }

  /** Tells the others of a file; it goes to those who ask for it. */
  async share(file: File): Promise<void> {
    const problem = fileProblem(file);
    this.#change({ problem });
    if (problem) {
      this.#parts.notices.announce(problem);
      return;
    }
    const offer = this.files.offer(file);
    await this.#say({ text: fileText(offer), replyTo: null, file: offer });
  }

  /** Tries again what failed. */
  async retry(key: string): Promise<void> {
    const message = this.view.get().messages.find((each) => each.key === key);
    if (message?.state !== 'failed') return;
    // A new id: half of the first try may have arrived, and a stream has but one beginning.
    await this.#deliver({ ...message, id: newId(), state: 'sending' });
  }

  async #say(said: Pick<Message, 'text' | 'replyTo' | 'file'>): Promise<void> {
    const own = this.#room?.localParticipant;
    const message: Message = {
      ...said,
      key: this.#newKey(),
      id: newId(),
      identity: own?.identity ?? '',
      name: own?.name ?? '',
      isOwn: true,
      isCut: false,
      at: this.#now(),
      state: 'sending',
    };
    this.#insert([message]);
    await this.#deliver(message);
  }

  async #deliver(message: Message): Promise<void> {
    this.#replace(message);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('not sent in time')), SEND_WITHIN);
    });
    try {
      await Promise.race([this.#transmit(message), late]);
      this.#replace({ ...message, state: 'sent' });
    } catch {
      this.#replace({ ...message, state: 'failed' });
      this.#parts.notices.announce(t('chat:notSentTold'));
    } finally {
      clearTimeout(timer);
    }
  }

  async #transmit({ id, text, at, replyTo, file }: Message): Promise<void> {
    const participant = this.#room?.localParticipant;
    if (!participant) throw new Error('not connected');
    const writer = await participant.streamText({
      topic: TOPIC,
      streamId: id,
      totalSize: new TextEncoder().encode(text).length,
      ...(replyTo === null ? {} : { replyToStreamId: replyTo }),
      attributes: {
        ...(replyTo === null ? {} : { [REPLY_TO]: replyTo }),
        ...(file ? { [FILE]: JSON.stringify(file) } : {}),
      },
    });
    await writer.write(text);
    await writer.close();
    await participant.publishData(oldPacket(id, text, at), { reliable: true, topic: OLD_TOPIC });
  }

  #received(said: Pick<Message, 'id' | 'identity' | 'text' | 'isCut' | 'at' | 'replyTo' | 'file'>): void {
    const room = this.#room;
    if (!room || this.#has(said.identity, said.id) || this.#isFlooding(said.identity)) return;
    const name = room.getParticipantByIdentity(said.identity)?.name || said.identity || t('chat:somebody');
    this.#insert([{ ...said, name, key: this.#newKey(), isOwn: false, state: 'sent' }]);
    if (!this.#isOpen) this.#change({ unread: this.view.get().unread + 1 });
    this.#parts.notices.announce(t('chat:said', { name, text: said.text.slice(0, 200) }));
  }

  /** Asks the server what was said before. Without an answer there is only what one hears oneself. */
  async #catchUp(): Promise<void> {
    const [room, token] = [this.#room, this.#token];
    if (!room || token === null || !isAvailable('chat-history', room.hasE2EESetup)) return;
    const said = await this.#parts.api.chat(room.name, token).catch(() => []);
    if (room !== this.#room) return;
    const missed = said.filter(({ identity, id }) => !this.#has(identity, id));
    this.#insert(missed.map((message) => this.#fromServer(message, room.localParticipant.identity)));
  }

  #fromServer({ id, identity, name, text, attributes, secondsAgo }: SaidMessage, own: string): Message {
    return {
      key: this.#newKey(),
      id,
      identity,
      name: name || identity,
      isOwn: identity === own,
      text: text.slice(0, LONGEST_SHOWN),
      isCut: text.length > LONGEST_SHOWN,
      at: this.#now() - secondsAgo * 1_000,
      state: 'sent',
      ...extrasOf(attributes),
    };
  }

  #isFlooding(identity: string): boolean {
    const since = this.#now() - WINDOW;
    const lately = this.view.get().messages.filter((message) => message.identity === identity && message.at > since);
    return lately.length >= MOST_OF_ONE;
  }

  #has(identity: string, id: string): boolean {
    return this.view.get().messages.some((message) => message.id === id && message.identity === identity);
  }

  #insert(added: Message[]): void {
    if (added.length === 0) return;
    const all = [...this.view.get().messages, ...added].sort((a, b) => a.at - b.at);
    const messages = all.slice(-MOST_MESSAGES);
    this.#change({ messages, isTrimmed: this.view.get().isTrimmed || messages.length < all.length });
  }

  #replace(message: Message): void {
    const messages = this.view.get().messages.map((each) => (each.key === message.key ? message : each));
    this.#change({ messages });
  }

  #change(changes: Partial<ChatView>): void {
    this.view.set({ ...this.view.get(), ...changes });
  }

  #newKey(): string {
    return `m${++this.#keys}`;
  }
}

/** What clients read that know of no offers. */
function fileText({ name, size }: FileOffer): string {
  return t('chat:sharedFile', { name, size: bytes(size), ...AS_IS });
}

/** crypto.randomUUID is for secure pages only. */
function newId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
