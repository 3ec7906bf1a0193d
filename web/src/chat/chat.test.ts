import { RoomEvent, type Room } from 'livekit-client';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Notices } from '../notices/notices';
import type { SaidMessage } from '../rooms/api';
import { Chat } from './chat';
import { Files } from './files';
import { FILE, LONGEST_MESSAGE, LONGEST_SHOWN, OLD_TOPIC, oldPacket, REPLY_TO } from './message';

type Listener = (...args: unknown[]) => void;

interface Sent {
  options: { topic: string; streamId: string; attributes: Record<string, string>; totalSize: number };
  text: string;
  isClosed: boolean;
}

/** A room that remembers what is sent, and says what the test has others say. */
class FakeRoom {
  readonly name = 'alpha';
  readonly sent: Sent[] = [];
  readonly packets: { topic: string; text: string }[] = [];
  readonly listeners = new Map<string, Set<Listener>>();
  readonly texts = new Map<string, Listener>();
  broken: Error | null = null;
  readonly localParticipant = {
    identity: 'me',
    name: 'Me',
    permissions: { canPublishData: true },
    streamText: (options: Sent['options']) => {
      if (this.broken) return Promise.reject(this.broken);
      const sent = { options, text: '', isClosed: false };
      this.sent.push(sent);
      return Promise.resolve({
        write: (text: string) => Promise.resolve(void (sent.text += text)),
        close: () => Promise.resolve(void (sent.isClosed = true)),
      });
    },
    publishData: (payload: Uint8Array, { topic }: { topic: string }) => {
      this.packets.push({ topic, text: new TextDecoder().decode(payload) });
      return Promise.resolve();
    },
  };

  on = (event: string, listener: Listener) => {
    this.listeners.set(event, (this.listeners.get(event) ?? new Set()).add(listener));
  };
  off = (event: string, listener: Listener) => this.listeners.get(event)?.delete(listener);
  registerTextStreamHandler = (topic: string, handler: Listener) => this.texts.set(topic, handler);
  unregisterTextStreamHandler = (topic: string) => this.texts.delete(topic);
  getParticipantByIdentity = (identity: string) => (identity === 'bob' ? { name: 'Bob' } : undefined);

  emit(event: string, ...args: unknown[]): void {
    for (const listener of this.listeners.get(event) ?? []) listener(...args);
  }

  async hears(identity: string, id: string, pieces: string[], attributes: Record<string, string> = {}): Promise<void> {
    async function* read() {
      await Promise.resolve();
      yield* pieces;
    }
    this.texts.get('lk.chat')?.(Object.assign(read(), { info: { id, attributes } }), { identity });
    await vi.waitFor(() => expect(messages().some((message) => message.id === id)).toBe(true));
  }
}

let room: FakeRoom;
let chat: Chat;
let notices: Notices;
let detach: () => void;
const history = vi.fn<(room: string, token: string) => Promise<SaidMessage[]>>();
const flood = (count: number, identity: (number: number) => string) => {
  for (let number = 0; number < count; number++) {
    const packet = new TextEncoder().encode(JSON.stringify({ id: `${number}`, message: `${number}` }));
    room.emit(RoomEvent.DataReceived, packet, { identity: identity(number) }, undefined, OLD_TOPIC);
  }
};
const said = () => vi.mocked(notices.announcer).say.mock.lastCall?.[0];
const messages = () => chat.view.get().messages;
const texts = () => messages().map(({ text }) => text);
const before = (changes: Partial<SaidMessage> = {}): SaidMessage => ({
  id: 'h1',
  identity: 'carol',
  name: 'Carol',
  text: 'before',
  attributes: {},
  secondsAgo: 60,
  ...changes,
});

beforeEach(() => {
  history.mockReset().mockResolvedValue([]);
  room = new FakeRoom();
  notices = new Notices();
  vi.spyOn(notices.announcer, 'say');
  chat = new Chat({ api: { chat: history }, notices, files: new Files() });
  detach = chat.attach(room as unknown as Room);
});

describe('what one writes', () => {
  it('goes as a text stream on lk.chat, with a copy for older components', async () => {
    await chat.send('  Grüße  ');
    expect(room.sent).toMatchObject([{ options: { topic: 'lk.chat', totalSize: 7 }, text: 'Grüße', isClosed: true }]);
    const id = room.sent[0]?.options.streamId;
    expect(room.packets[0]?.topic).toBe(OLD_TOPIC);
    expect(JSON.parse(room.packets[0]?.text ?? '')).toMatchObject({ id, message: 'Grüße', ignoreLegacy: true });
    expect(messages()).toMatchObject([{ text: 'Grüße', isOwn: true, state: 'sent', id }]);
  });

  it('names the message it replies to', async () => {
    await room.hears('bob', '1', ['Question?']);
    await chat.send('Answer', '1');
    expect(room.sent[0]?.options.attributes).toEqual({ [REPLY_TO]: '1' });
    expect(chat.find('1')?.text).toBe('Question?');
  });

  it('is not sent empty or too long', async () => {
    await chat.send('   ');
    await chat.send('x'.repeat(LONGEST_MESSAGE + 1));
    expect(room.sent).toEqual([]);
    expect(messages()).toEqual([]);
  });

  it('that fails is marked, announced, and sent again as a new stream', async () => {
    room.broken = new Error('no connection');
    await chat.send('Hello');
    const [failed] = messages();
    expect(failed?.state).toBe('failed');
    expect(said()).toBe('Your message was not sent.');
    room.broken = null;
    await chat.retry(failed?.key ?? '');
    expect(messages()).toMatchObject([{ key: failed?.key, state: 'sent', text: 'Hello' }]);
    expect(messages()[0]?.id).not.toBe(failed?.id);
  });

  it('that hangs is told as failed after a while', async () => {
    vi.useFakeTimers();
    room.localParticipant.streamText = () => new Promise(() => undefined);
    const sending = chat.send('Hello');
    await vi.advanceTimersByTimeAsync(20_000);
    await sending;
    vi.useRealTimers();
    expect(messages()).toMatchObject([{ state: 'failed' }]);
  });

  it('while the connection is made anew fails, and may be sent after', async () => {
    detach();
    await chat.send('Hello');
    expect(messages()).toMatchObject([{ state: 'failed' }]);
    chat.attach(room as unknown as Room);
    await chat.retry(messages()[0]?.key ?? '');
    expect(messages()).toMatchObject([{ state: 'sent' }]);
  });
});

describe('what others write', () => {
  it('is shown with their name, counted while the chat is closed, and announced', async () => {
    await room.hears('bob', '1', ['Hel', 'lo']);
    expect(messages()).toMatchObject([{ text: 'Hello', name: 'Bob', isOwn: false }]);
    expect(chat.view.get().unread).toBe(1);
    expect(said()).toBe('Bob: Hello');
    chat.setOpen(true);
    expect(chat.view.get().unread).toBe(0);
    await room.hears('bob', '2', ['again']);
    expect(chat.view.get().unread).toBe(0);
  });

  it('is shown once, whichever way it comes', async () => {
    await room.hears('bob', '1', ['Hello']);
    room.emit(RoomEvent.DataReceived, oldPacket('1', 'Hello', 0), { identity: 'bob' }, undefined, OLD_TOPIC);
    expect(texts()).toEqual(['Hello']);
  });

  it('may come from old components, and be no chat at all', () => {
    const say = (text: string, topic: string) =>
      room.emit(RoomEvent.DataReceived, new TextEncoder().encode(text), { identity: 'bob' }, undefined, topic);
    say('{"id":"1","message":"old"}', OLD_TOPIC);
    for (const text of ['nonsense', 'null', '{"id":1,"message":"x"}', '{"id":"2"}']) say(text, OLD_TOPIC);
    say('{"id":"3","message":"other"}', 'other');
    expect(texts()).toEqual(['old']);
  });

  it('is cut where nobody reads any more', async () => {
    await room.hears('bob', '1', Array<string>(50).fill('x'.repeat(1_000)));
    expect(messages()[0]?.text).toHaveLength(LONGEST_SHOWN);
    expect(messages()[0]?.isCut).toBe(true);
  });

  it('may be a file, if what is said of it can be', async () => {
    const offer = { id: 'f', name: 'a.png', size: 3, type: 'image/png' };
    await room.hears('bob', '1', ['Shared a file'], { [FILE]: JSON.stringify(offer) });
    await room.hears('bob', '2', ['Shared a file'], { [FILE]: JSON.stringify({ ...offer, size: 1e9 }) });
    expect(messages().map(({ file }) => file)).toEqual([offer, null]);
  });

  it('is shown no faster than people write', () => {
    flood(60, () => 'bob');
    expect(texts()).toHaveLength(40);
    flood(1, () => 'carol');
    expect(texts()).toHaveLength(41);
  });

  it('is kept up to a number', () => {
    flood(505, (number) => `person ${number % 20}`);
    expect(texts()).toHaveLength(500);
    expect(texts()[0]).toBe('5');
    expect(chat.view.get().isTrimmed).toBe(true);
  });
});

describe('what was said before', () => {
  it('is asked for on entering, stands before what is said now, and is not unread', async () => {
    await room.hears('bob', '1', ['now']);
    history.mockResolvedValue([before(), before({ id: '1', identity: 'bob', text: 'now' })]);
    chat.entered('token');
    await vi.waitFor(() => expect(texts()).toEqual(['before', 'now']));
    expect(history).toHaveBeenCalledWith('alpha', 'token');
    expect(chat.view.get().unread).toBe(1);
  });

  it('by oneself is one’s own', async () => {
    history.mockResolvedValue([before({ identity: 'me' })]);
    chat.entered('token');
    await vi.waitFor(() => expect(messages()).toMatchObject([{ isOwn: true, state: 'sent' }]));
  });

  it('is asked for again after a reconnect, and may not be had', async () => {
    history.mockRejectedValue(new Error('not there'));
    chat.entered('token');
    await vi.waitFor(() => expect(history).toHaveBeenCalledTimes(1));
    history.mockResolvedValue([before()]);
    room.emit(RoomEvent.Reconnected);
    await vi.waitFor(() => expect(texts()).toEqual(['before']));
  });

  it('stays through a new connection to the same room, and is forgotten on leaving', async () => {
    await room.hears('bob', '1', ['Hello']);
    detach();
    chat.attach(room as unknown as Room);
    expect(texts()).toEqual(['Hello']);
    chat.reset();
    expect(chat.view.get()).toMatchObject({ messages: [], unread: 0 });
  });
});

it('a file that is too large is refused with words, and nothing is sent', async () => {
  const file = new File([], 'film.mov');
  Object.defineProperty(file, 'size', { value: 26_000_000 });
  await chat.share(file);
  expect(chat.view.get().problem).toMatch(/“film.mov” has 26 MB. Files up to 25 MB/);
  expect(room.sent).toEqual([]);
});
