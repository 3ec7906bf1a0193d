import { expect, it } from 'vitest';
import { isRoomName, roomNameProblem } from './names';

it.each(['a', 'Morning coffee', 'Zürich 2', '会議', '.', 'x'.repeat(255), '🙂'.repeat(255)])('%j is a name', (name) => {
  expect(roomNameProblem(name)).toBeNull();
  expect(isRoomName(name)).toBe(true);
});

it.each([
  ['x'.repeat(256), /256 characters.*at most 255/],
  ['a/b', /“\/”/],
  ['a\u202eb', /turns the text around/],
  ['a\nb', /control character/],
  ['a\u0000', /control character/],
])('%j is none, and it says why', (name, why) => {
  expect(roomNameProblem(name)).toMatch(why);
  expect(isRoomName(name)).toBe(false);
});

it.each(['', ' ', '\u00a0 '])('%j is no name, but nobody needs telling', (name) => {
  expect(roomNameProblem(name)).toBeNull();
  expect(isRoomName(name)).toBe(false);
});
