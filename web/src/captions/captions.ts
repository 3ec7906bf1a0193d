// What agents write down of what is said: segments, whose text grows or is replaced until it is final. They come as text streams on
// `lk.transcription`, from older agents as packets, from some as both.
import {
  RoomEvent,
  type Participant,
  type Room,
  type TextStreamReader,
  type TranscriptionSegment,
} from 'livekit-client';
import type { Feature } from '../call/feature';
import { readText } from '../chat/streams';
import { isTrusted } from '../encryption/encryption';
import { t } from '../i18n/i18n';
import { Store } from '../state/store';

const TOPIC = 'lk.transcription';
const SEGMENT = 'lk.segment_id';
const FINAL = 'lk.transcription_final';
const KEY = 'visavis.captions';

export interface Caption {
  key: string;
  identity: string;
  name: string;
  text: string;
  isFinal: boolean;
}

export interface CaptionsView {
  lines: readonly Caption[];
  /** Somebody writes down what is said here, or has done so. */
  isAvailable: boolean;
}

/** Lines on screen, and how long a line stays when nothing is added to it. */
const MOST_LINES = 3;
const LASTS = 7_000;
/** Characters of a segment that are shown: its last, which were said last. */
const LONGEST = 300;

const EMPTY: CaptionsView = { lines: [], isAvailable: false };

export class Captions implements Feature {
  readonly view = new Store<CaptionsView>(EMPTY);
  /** Wanted by the person; kept. */
  readonly isOn: Store<boolean>;
  readonly #storage: Storage | null;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  /** Whose words come as streams: packets that tell the same are passed over. */
  readonly #streaming = new Set<string>();
  #room: Room | null = null;

  constructor(storage: Storage | null) {
    this.#storage = storage;
    this.isOn = new Store(storage?.getItem(KEY) !== 'off');
  }

  attach(room: Room): () => void {
    this.#room = room;
    room.registerTextStreamHandler(TOPIC, (reader, { identity }) => {
      if (!isTrusted(identity, room)) return void readText(reader, 0).catch(() => undefined);
      this.#streaming.add(identity);
      // A stream that breaks off leaves what was read of it.
      this.#read(reader, identity).catch(() => undefined);
    });
    const onSegments = (segments: TranscriptionSegment[], participant?: Participant) => {
      const identity = participant?.identity ?? '';
      if (this.#streaming.has(identity) || !isTrusted(identity, room)) return;
      for (const { id, text, final } of segments) this.#show(identity, id, text, final);
    };
    room.on(RoomEvent.TranscriptionReceived, onSegments);
    return () => {
      room.unregisterTextStreamHandler(TOPIC);
      room.off(RoomEvent.TranscriptionReceived, onSegments);
      if (this.#room === room) this.#room = null;
    };
  }

  reset(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#streaming.clear();
    this.view.set(EMPTY);
  }

  setOn(isOn: boolean): void {
    this.isOn.set(isOn);
    this.#storage?.setItem(KEY, isOn ? 'on' : 'off');
  }

  /** One stream is the whole segment as known now, told at once or word by word; the next of the same segment replaces it. */
  async #read(reader: TextStreamReader, identity: string): Promise<void> {
    const { id, attributes } = reader.info;
    const segment = attributes?.[SEGMENT] ?? id;
    let text = '';
    for await (const piece of reader) {
      text = (text + piece).slice(-2 * LONGEST);
      this.#show(identity, segment, text, false);
    }
    // Read only now: who sends word by word says with the stream's end that it is final.
    this.#show(identity, segment, text, reader.info.attributes?.[FINAL] !== 'false');
  }

  #show(identity: string, segment: string, text: string, isFinal: boolean): void {
    const room = this.#room;
    const trimmed = text.trim();
    if (!room || trimmed === '') return;
    const key = JSON.stringify([identity, segment]);
    const name = room.getParticipantByIdentity(identity)?.name || identity || t('captions:somebody');
    const shown = trimmed.length > LONGEST ? `…${trimmed.slice(-LONGEST)}` : trimmed;
    const line = { key, identity, name, text: shown, isFinal };
    const { lines } = this.view.get();
    const isOld = lines.some((each) => each.key === key);
    const next = isOld ? lines.map((each) => (each.key === key ? line : each)) : [...lines, line];
    for (const gone of next.slice(0, -MOST_LINES)) this.#forget(gone.key);
    this.view.set({ lines: next.slice(-MOST_LINES), isAvailable: true });
    clearTimeout(this.#timers.get(key));
    this.#timers.set(
      key,
      setTimeout(() => {
        this.#forget(key);
        const left = this.view.get().lines.filter((each) => each.key !== key);
        this.view.set({ ...this.view.get(), lines: left });
      }, LASTS),
    );
  }

  #forget(key: string): void {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
  }
}
