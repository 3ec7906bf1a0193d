import { EventEmitter } from 'node:events';
import { CryptorError, CryptorErrorReason, RoomEvent, type Room } from 'livekit-client';
import { beforeEach, expect, it } from 'vitest';
import { Notices } from '../notices/notices';
import { Encryption, isReadable, isTrusted, sentenceOf } from './encryption';
import { isKey, Keys, newKey } from './key';
import { isAvailable, unavailableWith } from './limits';

class FakeRoom extends EventEmitter {
  hasE2EESetup = true;
  readonly remoteParticipants = new Map<string, object>();

  comes(identity: string, ...encrypted: boolean[]): void {
    const trackPublications = new Map(encrypted.map((isEncrypted, at) => [String(at), { isEncrypted }]));
    const name = identity.toUpperCase();
    this.remoteParticipants.set(identity, { identity, name, sid: `PA_${identity}`, isLocal: false, trackPublications });
    this.emit(RoomEvent.ParticipantConnected);
  }

  cannotRead(identity: string, reason = CryptorErrorReason.InvalidKey): void {
    this.emit(RoomEvent.EncryptionError, new CryptorError('no', reason), this.remoteParticipants.get(identity));
  }

  get real(): Room {
    return this as unknown as Room;
  }
}

let room: FakeRoom;
let notices: Notices;
let encryption: Encryption;
const strangers = () => encryption.view.get().strangers.map(({ identity, why }) => [identity, why]);

beforeEach(() => {
  room = new FakeRoom();
  notices = new Notices();
  encryption = new Encryption(notices);
  encryption.attach(room.real);
});

it('who encrypts by the same key is no stranger', () => {
  room.comes('ann', true, true);
  room.comes('ben');
  expect(encryption.view.get()).toEqual({ isOn: true, strangers: [] });
  expect(notices.shown.get()).toEqual([]);
});

it('who sends anything in the clear has no key, and is told of once, by name', () => {
  room.comes('ann', true, false);
  room.emit(RoomEvent.TrackPublished);
  expect(strangers()).toEqual([['ann', 'no-key']]);
  expect(notices.shown.get().map(({ text }) => text)).toEqual([
    'ANN has joined without the key: you cannot see or hear each other.',
  ]);
});

it('whose pictures cannot be decrypted has another key, until another page of theirs comes', () => {
  room.comes('ann', true);
  room.cannotRead('ann', CryptorErrorReason.InternalError);
  expect(strangers()).toEqual([]);
  room.cannotRead('ann');
  expect(strangers()).toEqual([['ann', 'other-key']]);
  room.remoteParticipants.clear();
  room.emit(RoomEvent.ParticipantDisconnected);
  expect(strangers()).toEqual([]);
});

it('without a key, whoever encrypts is out of reach, and the notice stays', () => {
  room.hasE2EESetup = false;
  room.comes('ann', true);
  room.comes('ben', false);
  expect(strangers()).toEqual([['ann', 'own-key-missing']]);
  expect(notices.shown.get()[0]).toMatchObject({ kind: 'key-missing', lasts: null });
  expect(sentenceOf({ identity: 'ann', name: 'Ann', why: 'own-key-missing' })).toContain('your link has no key');
});

it('nothing is left after leaving', () => {
  room.comes('ann', false);
  encryption.reset();
  expect(encryption.view.get()).toEqual({ isOn: false, strangers: [] });
  expect(notices.shown.get()).toEqual([]);
});

it.each([
  [true, true, true],
  [true, false, false],
  [false, true, false],
  [false, false, true],
])('a track that is encrypted (%s), here where calls are (%s), is played: %s', (isEncrypted, hasE2EESetup, wanted) => {
  expect(isReadable({ isEncrypted }, { hasE2EESetup })).toBe(wanted);
});

it('an encrypted call takes data of nobody who sends in the clear, nor of nobody', () => {
  room.comes('ann', true);
  room.comes('ben', true, false);
  expect(['ann', 'ben', ''].map((identity) => isTrusted(identity, room.real))).toEqual([true, false, false]);
  room.hasE2EESetup = false;
  expect(['ann', 'ben', ''].map((identity) => isTrusted(identity, room.real))).toEqual([true, true, true]);
});

it('keys are 128 random bits that fit into an address', () => {
  const [first, second] = [newKey(), newKey()];
  expect(first).toMatch(/^[A-Za-z0-9_-]{22}$/);
  expect(first).not.toBe(second);
  expect([first, 'AAEC', `${first} `, ''].map(isKey)).toEqual([true, false, false, false]);
});

it('a room keeps its key, and an address without one does not take it away', () => {
  const keys = new Keys();
  keys.take('alpha', { key: 'one' });
  keys.take('alpha', { key: null });
  expect([keys.of('alpha'), keys.of('beta')]).toEqual(['one', null]);
  expect(keys.make('alpha')).toBe(keys.of('alpha'));
});

it('what the server would have to read is off with encryption, and only then', () => {
  expect(unavailableWith(false)).toEqual([]);
  expect(unavailableWith(true)).toContain('recording');
  expect(isAvailable('chat-history', true)).toBe(false);
  expect(isAvailable('chat-history', false)).toBe(true);
});
