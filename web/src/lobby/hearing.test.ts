import { expect, it } from 'vitest';
import { Hearing } from './hearing';

const after = (levels: [number, number][]) => {
  const hearing = new Hearing();
  return levels.map(([now, level]) => hearing.hear(level, now)).at(-1);
};

it('listens at first, and a voice is heard at once', () => {
  expect(after([[0, 0]])).toBe('listening');
  expect(
    after([
      [0, 0],
      [60, 45],
    ]),
  ).toBe('heard');
});

it('a pause in what is said is still heard, a long one asks again', () => {
  expect(
    after([
      [0, 45],
      [7_000, 5],
    ]),
  ).toBe('heard');
  expect(
    after([
      [0, 45],
      [8_000, 5],
    ]),
  ).toBe('listening');
});

it('no sound at all for six seconds is the wrong microphone; a quiet room is not', () => {
  expect(
    after([
      [0, 0],
      [6_000, 0],
    ]),
  ).toBe('nothing');
  expect(
    after([
      [0, 0],
      [3_000, 8],
      [6_000, 0],
    ]),
  ).toBe('listening');
});
