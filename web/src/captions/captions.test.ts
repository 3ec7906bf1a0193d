import { RoomEvent, type Room } from 'livekit-client';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Captions } from './captions';

type Segments = (segments: { id: string; text: string; final: boolean }[], from?: { identity: string }) => void;
type Read = (reader: unknown, from: { identity: string }) => void;

let segments: Segments;
let read: Read;
let captions: Captions;
const lines = () => captions.view.get().lines.map(({ name, text, isFinal }) => `${name}: ${text}${isFinal ? '' : '…'}`);

/** A stream of a segment, told in pieces. `last`: what the stream's end says. */
async function stream(identity: string, segment: string, pieces: string[], final: string, last = final): Promise<void> {
  const info = { id: 's', attributes: { 'lk.segment_id': segment, 'lk.transcription_final': final } };
  async function* pour() {
    for (const piece of pieces) {
      await Promise.resolve();
      yield piece;
    }
    info.attributes['lk.transcription_final'] = last;
  }
  read(Object.assign(pour(), { info }), { identity });
  await vi.advanceTimersByTimeAsync(0);
}

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  captions = new Captions(localStorage);
  captions.attach({
    registerTextStreamHandler: (_: string, handler: Read) => (read = handler),
    getParticipantByIdentity: (identity: string) => (identity === 'bob' ? { name: 'Bob' } : undefined),
    on: (event: RoomEvent, listener: Segments) => {
      if (event === RoomEvent.TranscriptionReceived) segments = listener;
    },
    off: vi.fn(),
  } as unknown as Room);
});

describe('captions', () => {
  it('are there once somebody writes them', async () => {
    expect(captions.view.get().isAvailable).toBe(false);
    await stream('bob', '1', ['Hello'], 'true');
    expect(captions.view.get().isAvailable).toBe(true);
    expect(lines()).toEqual(['Bob: Hello']);
  });

  it('replace what was understood first by what is final', async () => {
    await stream('bob', '1', ['Hell'], 'false');
    expect(lines()).toEqual(['Bob: Hell…']);
    await stream('bob', '1', ['Hello there.'], 'true');
    expect(lines()).toEqual(['Bob: Hello there.']);
  });

  it('grow word by word, and are final when the stream ends so', async () => {
    await stream('agent', '1', ['I ', 'am ', 'here.'], 'false', 'true');
    expect(lines()).toEqual(['agent: I am here.']);
  });

  it('come as packets from older agents', () => {
    segments([{ id: '1', text: 'Hell', final: false }], { identity: 'bob' });
    segments([{ id: '1', text: 'Hello', final: true }], { identity: 'bob' });
    expect(lines()).toEqual(['Bob: Hello']);
  });

  it('that come both ways are shown once', async () => {
    await stream('bob', 'SG_1', ['Hello'], 'true');
    segments([{ id: 'SG_2', text: 'Hello', final: true }], { identity: 'bob' });
    expect(lines()).toEqual(['Bob: Hello']);
  });

  it('are few lines, cut to what was said last, and go after a while', async () => {
    for (const number of ['1', '2', '3', '4']) await stream('bob', number, [number], 'true');
    expect(lines()).toEqual(['Bob: 2', 'Bob: 3', 'Bob: 4']);
    await stream('bob', '5', ['x'.repeat(5_000)], 'true');
    expect(captions.view.get().lines.at(-1)?.text).toHaveLength(301);
    await vi.advanceTimersByTimeAsync(7_000);
    expect(lines()).toEqual([]);
    expect(captions.view.get().isAvailable).toBe(true);
  });

  it('stay off for who turned them off', () => {
    captions.setOn(false);
    expect(new Captions(localStorage).isOn.get()).toBe(false);
    expect(new Captions(null).isOn.get()).toBe(true);
  });
});
