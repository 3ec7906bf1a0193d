// Files, from the one who offers them to those who ask. The others are told of a file in a message; its bytes go part by part, as byte
// streams on `lk.files`, to whoever asks for the next part by an RPC. So nobody gets what they did not ask for, nobody's slow network
// makes bytes pile up in the server, and giving up is not to ask any more. A file that another LiveKit client sends unasked is taken,
// too, if it is not too large.
import { RpcError, type ByteStreamReader, type Room, type RpcInvocationData } from 'livekit-client';
import type { Feature } from '../call/feature';
import { isTrusted } from '../encryption/encryption';
import { t } from '../i18n/i18n';
import { Store } from '../state/store';
import { LARGEST_FILE, safeName, safeType, type FileOffer } from './offer';
import { readBytes } from './streams';

export const FILES_TOPIC = 'lk.files';
/** Components send files that belong to a message on the topic of messages. */
const CHAT_TOPIC = 'lk.chat';
const GET = 'visavis.file.get';
const PART = 'visavis.file.part';
const PART_SIZE = 1 << 20;
const PART_WITHIN = 60_000;
/** Parts given at a time, to all together and to one: who asks for more must wait. */
const MOST_GIVEN = 8;
const MOST_GIVEN_TO_ONE = 2;
/** Bytes of finished files that are kept; the oldest go. */
const MOST_KEPT = 4 * LARGEST_FILE;

const GONE = 1;
const BUSY = 2;

export type Transfer =
  { state: 'loading'; progress: number } | { state: 'ready'; url: string } | { state: 'failed'; problem: string };

export interface UnaskedFile {
  identity: string;
  offer: FileOffer;
}

interface Awaited {
  size: number;
  progress: (bytes: number) => void;
  resolve: (chunks: Uint8Array<ArrayBuffer>[]) => void;
  reject: (error: Error) => void;
}

export class Files implements Feature {
  /** By `transferKey`: what is being fetched, is here, or could not be had. */
  readonly transfers = new Store<ReadonlyMap<string, Transfer>>(new Map());
  /** What this page offers. */
  readonly offered = new Store<ReadonlyMap<string, File>>(new Map());
  /** Told of each file that comes unasked. */
  onUnasked: (file: UnaskedFile) => void = () => undefined;
  #room: Room | null = null;
  /** To whom parts are on their way now. */
  #given: string[] = [];
  #unasked = 0;
  readonly #awaited = new Map<string, Awaited>();
  readonly #kept: { key: string; size: number }[] = [];
  readonly #fetches = new Map<string, symbol>();

  attach(room: Room): () => void {
    this.#room = room;
    room.registerRpcMethod(GET, (call) => Promise.resolve().then(() => this.#give(room, call)));
    for (const topic of [FILES_TOPIC, CHAT_TOPIC]) {
      room.registerByteStreamHandler(topic, (reader, { identity }) => {
        if (isTrusted(identity, room)) void this.#take(reader, identity);
        else void readBytes(reader, 0).catch(() => undefined);
      });
    }
    return () => {
      room.unregisterRpcMethod(GET);
      for (const topic of [FILES_TOPIC, CHAT_TOPIC]) room.unregisterByteStreamHandler(topic);
      if (this.#room === room) this.#room = null;
      for (const part of this.#awaited.values()) part.reject(new Error('the connection has ended'));
    };
  }

  reset(): void {
    for (const { key } of this.#kept.splice(0)) this.#revoke(key);
    this.#fetches.clear();
    this.transfers.set(new Map());
    this.offered.set(new Map());
  }

  /** Has a file ready for whoever asks. */
  offer(file: File): FileOffer {
    const id = [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(36)).join('');
    this.offered.set(new Map(this.offered.get()).set(id, file));
    return { id, name: safeName(file.name), size: file.size, type: file.type };
  }

  /** Gives it to nobody any more. */
  withdraw(id: string): void {
    const offered = new Map(this.offered.get());
    offered.delete(id);
    this.offered.set(offered);
  }

  /** Gets a file from who offers it. */
  async fetch(identity: string, offer: FileOffer): Promise<void> {
    const { size } = offer;
    const key = transferKey(identity, offer);
    if (this.transfers.get().get(key)?.state === 'loading') return;
    const turn = Symbol(key);
    this.#fetches.set(key, turn);
    const isWanted = () => this.#fetches.get(key) === turn;
    this.#set(key, { state: 'loading', progress: 0 });
    const blobs: Blob[] = [];
    try {
      for (let from = 0; from < size; from += PART_SIZE) {
        const chunks = await this.#part(identity, offer, from, (bytes) => {
          if (isWanted()) this.#set(key, { state: 'loading', progress: Math.min(1, (from + bytes) / size) });
        });
        if (!isWanted()) return;
        // A blob for each part, which the browser may put on disk.
        blobs.push(new Blob(chunks));
      }
      this.#keep(key, offer, blobs);
    } catch (error) {
      if (isWanted()) this.#set(key, { state: 'failed', problem: problemOf(error) });
    }
  }

  /** Asks for no more of it. */
  cancel(key: string): void {
    this.#fetches.delete(key);
    const transfers = new Map(this.transfers.get());
    transfers.delete(key);
    this.transfers.set(transfers);
  }

  async #part(
    identity: string,
    { id, size }: FileOffer,
    from: number,
    progress: (bytes: number) => void,
  ): Promise<Uint8Array<ArrayBuffer>[]> {
    const room = this.#room;
    if (!room) throw new Error('the connection has ended');
    const key = partKey(identity, id, from);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const part = new Promise<Uint8Array<ArrayBuffer>[]>((resolve, reject) => {
      this.#awaited.set(key, { size: Math.min(PART_SIZE, size - from), progress, resolve, reject });
      timer = setTimeout(() => reject(new Error('it took too long')), PART_WITHIN);
    });
    part.catch(() => undefined); // It may fail before anybody awaits it.
    try {
      await this.#ask(room, identity, JSON.stringify({ id, from }));
      return await part;
    } finally {
      clearTimeout(timer);
      this.#awaited.delete(key);
    }
  }

  async #ask(room: Room, identity: string, payload: string): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        await room.localParticipant.performRpc({ destinationIdentity: identity, method: GET, payload });
        return;
      } catch (error) {
        if (!(error instanceof RpcError) || error.code !== BUSY || tries === 20) throw error;
        await new Promise((resolve) => setTimeout(resolve, 500 + 500 * Math.random()));
      }
    }
  }

  /** Answers who asks for a part, and sends it to them alone. */
  #give(room: Room, { payload, callerIdentity }: RpcInvocationData): string {
    const { id, from } = parseRequest(payload);
    const file = this.offered.get().get(id);
    if (!file || from >= file.size) throw new RpcError(GONE, 'this file is not shared any more');
    const toOne = this.#given.filter((identity) => identity === callerIdentity).length;
    if (this.#given.length >= MOST_GIVEN || toOne >= MOST_GIVEN_TO_ONE)
      throw new RpcError(BUSY, 'too many ask at once');
    this.#given.push(callerIdentity);
    const part = file.slice(from, from + PART_SIZE);
    const sent = part.arrayBuffer().then(async (bytes) => {
      const writer = await room.localParticipant.streamBytes({
        topic: FILES_TOPIC,
        name: safeName(file.name),
        totalSize: bytes.byteLength,
        destinationIdentities: [callerIdentity],
        attributes: { [PART]: JSON.stringify({ id, from }) },
      });
      await writer.write(new Uint8Array(bytes));
      await writer.close();
    });
    // Whoever asked notices by what does not come.
    void sent.catch(() => undefined).finally(() => this.#given.splice(this.#given.indexOf(callerIdentity), 1));
    return '';
  }

  async #take(reader: ByteStreamReader, identity: string): Promise<void> {
    const { info } = reader;
    const about = info.attributes?.[PART];
    if (about === undefined) return this.#takeUnasked(reader, identity);
    let awaited: Awaited | undefined;
    try {
      const { id, from } = parseRequest(about);
      awaited = this.#awaited.get(partKey(identity, id, from));
      const chunks = await readBytes(reader, awaited?.size ?? 0, awaited?.progress);
      const size = chunks?.reduce((sum, chunk) => sum + chunk.length, 0);
      if (!chunks || size !== awaited?.size) throw new Error('it did not come whole');
      awaited?.resolve(chunks);
    } catch (error) {
      awaited?.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async #takeUnasked(reader: ByteStreamReader, identity: string): Promise<void> {
    const { id, name, mimeType, size = 0 } = reader.info;
    // Nothing can be shown that is not known to end; and two at a time are enough of what nobody asked for.
    const isTaken = size > 0 && size <= LARGEST_FILE && this.#unasked < 2;
    if (isTaken) this.#unasked++;
    try {
      const chunks = await readBytes(reader, isTaken ? size : 0);
      if (!chunks || !isTaken) return;
      const offer = { id, name: safeName(name), size, type: mimeType };
      this.#keep(transferKey(identity, offer), offer, chunks);
      this.onUnasked({ identity, offer });
    } catch {
      // It was not sent to its end: nothing to show.
    } finally {
      if (isTaken) this.#unasked--;
    }
  }

  #keep(key: string, { size, type }: FileOffer, parts: BlobPart[]): void {
    this.#kept.push({ key, size });
    this.#set(key, { state: 'ready', url: URL.createObjectURL(new Blob(parts, { type: safeType(type) })) });
    let all = this.#kept.reduce((sum, kept) => sum + kept.size, 0);
    while (all > MOST_KEPT) {
      const oldest = this.#kept.shift();
      if (!oldest) break;
      all -= oldest.size;
      this.#revoke(oldest.key);
      this.#set(oldest.key, { state: 'failed', problem: t('chat:file.notKept') });
    }
  }

  #revoke(key: string): void {
    const transfer = this.transfers.get().get(key);
    if (transfer?.state === 'ready') URL.revokeObjectURL(transfer.url);
  }

  #set(key: string, transfer: Transfer): void {
    this.transfers.set(new Map(this.transfers.get()).set(key, transfer));
  }
}

/** A file is whose it is and which: somebody else's of the same id is another. */
export function transferKey(identity: string, { id }: Pick<FileOffer, 'id'>): string {
  return JSON.stringify([identity, id]);
}

function partKey(identity: string, id: string, from: number): string {
  return JSON.stringify([identity, id, from]);
}

function parseRequest(text: string): { id: string; from: number } {
  const { id, from } = JSON.parse(text) as Record<string, unknown>;
  if (typeof id !== 'string' || typeof from !== 'number' || !Number.isInteger(from) || from < 0) {
    throw new RpcError(GONE, 'no file is asked for');
  }
  return { id, from };
}

function problemOf(error: unknown): string {
  if (error instanceof RpcError) {
    switch (error.code) {
      case GONE:
        return t('chat:file.gone');
      case BUSY:
        return t('chat:file.busy');
      case RpcError.ErrorCode.RECIPIENT_NOT_FOUND:
      case RpcError.ErrorCode.RECIPIENT_DISCONNECTED:
        return t('chat:file.left');
      default:
        return t('chat:file.silent');
    }
  }
  return t('chat:file.incomplete');
}
