import { RoomEvent, type Room } from 'livekit-client';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Notices } from '../notices/notices';
import { HAND, People } from './people';

interface FakeParticipant {
  identity: string;
  name: string;
  isLocal: boolean;
  isAgent: boolean;
  isSpeaking: boolean;
  attributes: Record<string, string>;
  getTrackPublication: () => undefined;
  setAttributes: (attributes: Record<string, string>) => Promise<void>;
}

const listeners = new Map<string, () => void>();
const participant = (identity: string, isLocal = false): FakeParticipant => ({
  identity,
  name: identity.toUpperCase(),
  isLocal,
  isAgent: false,
  isSpeaking: false,
  attributes: {},
  getTrackPublication: () => undefined,
  setAttributes(attributes) {
    Object.assign(this.attributes, attributes);
    return Promise.resolve();
  },
});

let me: FakeParticipant, zoe: FakeParticipant, bob: FakeParticipant;
let notices: Notices;
let people: People;
let told: string[];
const changed = async () => {
  listeners.get(RoomEvent.ParticipantAttributesChanged)?.();
  await new Promise(requestAnimationFrame);
};
const order = () => people.list.get().map(({ identity, hand }) => (hand === null ? identity : `${identity} ${hand}`));

beforeEach(() => {
  [me, zoe, bob] = [participant('me', true), participant('zoe'), participant('bob')];
  notices = new Notices();
  told = [];
  vi.spyOn(notices, 'announce').mockImplementation((text) => void told.push(text));
  people = new People(notices, () => Date.UTC(2026, 0, 1, 12, 0, 5));
  people.attach({
    localParticipant: me,
    remoteParticipants: new Map([zoe, bob].map((each) => [each.identity, each])),
    on: (event: string, listener: () => void) => listeners.set(event, listener),
    off: vi.fn(),
  } as unknown as Room);
});

describe('the people in a room', () => {
  it('are oneself, then the others by name', async () => {
    await changed();
    expect(order()).toEqual(['me', 'bob', 'zoe']);
  });

  it('with raised hands come first, in the order of raising, whoever sees it first', async () => {
    zoe.attributes[HAND] = '2026-01-01T12:00:02.000Z';
    await changed();
    bob.attributes[HAND] = '2026-01-01T12:00:01.000Z';
    await people.toggleHand();
    await changed();
    expect(order()).toEqual(['bob 1', 'zoe 2', 'me 3']);
    expect(told).toEqual(['ZOE has raised a hand.', 'BOB has raised a hand.', 'Your hand is up, number 3 in line.']);
    zoe.attributes[HAND] = '';
    await people.toggleHand();
    await changed();
    expect(order()).toEqual(['bob 1', 'me', 'zoe']);
    expect(told.at(-1)).toBe('Your hand is down.');
  });

  it('raise no hand by nonsense', async () => {
    bob.attributes[HAND] = 'yes please';
    await changed();
    expect(order()).toEqual(['me', 'bob', 'zoe']);
  });

  it('are told when their hand could not be raised', async () => {
    me.setAttributes = () => Promise.reject(new Error('not permitted'));
    await people.toggleHand();
    expect(notices.shown.get()).toMatchObject([{ kind: 'hand-failed' }]);
  });

  it('who press twice before the server has answered have their hand down again', async () => {
    await changed();
    const asked: string[] = [];
    let answer = () => {};
    me.setAttributes = ({ [HAND]: value }) => {
      asked.push(value === '' ? 'down' : 'up');
      return new Promise((resolve) => (answer = resolve));
    };
    const both = [people.toggleHand(), people.toggleHand()];
    await Promise.resolve();
    expect(asked).toEqual(['up']);
    answer();
    await both[0];
    expect(asked).toEqual(['up', 'down']);
    answer();
    await both[1];
  });

  it('that did not change are the same objects, so that their rows rest', async () => {
    await changed();
    const first = people.list.get();
    zoe.isSpeaking = true;
    await changed();
    const second = people.list.get();
    expect(second[1]).toBe(first[1]);
    await changed();
    expect(people.list.get()).toBe(second);
  });
});
