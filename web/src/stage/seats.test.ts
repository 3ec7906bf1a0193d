import { describe, expect, it } from 'vitest';
import { NO_SEATS, seated, swapped, type Seated, type Seats } from './seats';

/** "me" is oneself; who is written in capitals speaks. */
function people(names: string): Seated[] {
  return names.split(' ').map((name) => ({
    identity: name.toLowerCase(),
    isLocal: name === 'me',
    isSpeaking: name !== name.toLowerCase(),
  }));
}

function sit(before: Seats, names: string, capacity = 9, now = 0, fixed: string[] = []): Seats {
  return seated(before, people(names), capacity, now, fixed);
}

const orderOf = ({ order }: Seats) => order.join(' ');

describe('people', () => {
  it('sit down in the order they came, oneself first', () => {
    expect(orderOf(sit(NO_SEATS, 'a b me'))).toBe('me a b');
    expect(orderOf(sit(sit(NO_SEATS, 'a b me'), 'c a b d me'))).toBe('me a b c d');
  });

  it('keep their places whoever of those who are seen speaks', () => {
    const before = sit(NO_SEATS, 'a b c me');
    expect(sit(before, 'a b C me').order).toBe(before.order);
    expect(sit(before, 'C B a me').order).toBe(before.order);
  });

  it('are followed by the last when they go', () => {
    const before = sit(NO_SEATS, 'a b c d e me');
    expect(orderOf(sit(before, 'a c d e me'))).toBe('me a e c d');
    expect(orderOf(sit(before, 'a b c d me'))).toBe('me a b c d');
    expect(orderOf(sit(before, 'b d me'))).toBe('me d b');
  });

  it('who come and go at once change one place', () => {
    const before = sit(NO_SEATS, 'a b c me');
    expect(orderOf(sit(before, 'a x c me'))).toBe('me a c x');
  });
});

describe('who speaks on another page', () => {
  const before = sit(NO_SEATS, 'a b c d e me');

  it('takes the place of the one who has been silent for the longest, and nobody else moves', () => {
    let seats = sit(before, 'A b c d e me', 4, 1);
    seats = sit(seats, 'a B c d e me', 4, 2);
    seats = sit(seats, 'a b C d e me', 4, 3);
    expect(orderOf(seats)).toBe('me a b c d e');
    expect(orderOf(sit(seats, 'a b c d E me', 4, 4))).toBe('me e b c d a');
  });

  it('never that of oneself, of somebody pinned, or of who speaks, too', () => {
    expect(orderOf(sit(before, 'a b c d E me', 3, 1, ['a']))).toBe('me a e c d b');
    expect(orderOf(sit(before, 'A b c d E me', 3, 1))).toBe('me a e c d b');
    expect(sit(before, 'A B c d E me', 3, 1).order).toBe(before.order);
  });

  it('keeps it when silent again', () => {
    const seats = sit(before, 'a b c d E me', 4, 1);
    expect(sit(seats, 'a b c d e me', 4, 2).order).toBe(seats.order);
  });
});

it('two people change places, or none if one is not there', () => {
  expect(swapped(['a', 'b', 'c'], 'a', 'c')).toEqual(['c', 'b', 'a']);
  expect(swapped(['a', 'b', 'c'], 'a', 'x')).toEqual(['a', 'b', 'c']);
});
