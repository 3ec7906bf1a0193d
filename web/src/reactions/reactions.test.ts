import { RoomEvent, type Room } from 'livekit-client';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Notices } from '../notices/notices';
import { Reactions, TOPIC } from './reactions';

type Hear = (payload: Uint8Array, from: { identity: string }, kind: unknown, topic: string) => void;

let hear: Hear;
let reactions: Reactions;
let notices: Notices;
const publishData = vi.fn(() => Promise.resolve());
const sent = (identity: string, sign: string, topic = TOPIC) =>
  hear(new TextEncoder().encode(sign), { identity }, undefined, topic);
const shown = () => reactions.shown.get().map(({ identity, sign }) => `${identity} ${sign}`);

beforeEach(() => {
  vi.useFakeTimers();
  publishData.mockClear();
  notices = new Notices();
  reactions = new Reactions(notices);
  reactions.attach({
    localParticipant: { identity: 'me', publishData },
    getParticipantByIdentity: (identity: string) => ({ name: identity.toUpperCase() }),
    on: (event: RoomEvent, listener: Hear) => {
      if (event === RoomEvent.DataReceived) hear = listener;
    },
    off: vi.fn(),
  } as unknown as Room);
});

describe('reactions', () => {
  it('are sent to the others, shown for a moment, and gone', () => {
    reactions.send('👍');
    expect(publishData).toHaveBeenCalledWith(new TextEncoder().encode('👍'), { reliable: true, topic: TOPIC });
    sent('bob', '🎉');
    expect(shown()).toEqual(['me 👍', 'bob 🎉']);
    vi.advanceTimersByTime(4_000);
    expect(shown()).toEqual([]);
  });

  it('are only those of the menu', () => {
    sent('bob', '<b>');
    sent('bob', 'x'.repeat(1_000));
    sent('bob', '👍', 'another topic');
    expect(shown()).toEqual([]);
  });

  it('of one person are few at a time, sent and received', () => {
    for (let times = 0; times < 20; times++) {
      reactions.send('👍');
      sent('bob', '👍');
    }
    expect(publishData).toHaveBeenCalledTimes(6);
    expect(shown()).toHaveLength(12);
  });

  it('of many are bounded', () => {
    for (let person = 0; person < 50; person++) for (let times = 0; times < 6; times++) sent(`p${person}`, '👍');
    expect(shown()).toHaveLength(60);
  });

  it('are announced at once, and those that follow together', () => {
    const told: string[] = [];
    vi.spyOn(notices, 'announce').mockImplementation((text) => void told.push(text));
    sent('bob', '👍');
    sent('carol', '👏');
    sent('dan', '👏');
    sent('dan', '👏');
    sent('eve', '🎉');
    expect(told).toEqual(['BOB: thumbs up.']);
    vi.advanceTimersByTime(3_000);
    expect(told.slice(1)).toEqual(['2 people: applause. EVE: celebration.']);
    vi.advanceTimersByTime(3_000);
    expect(told).toHaveLength(2);
  });
});
