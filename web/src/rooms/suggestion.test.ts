import { expect, it } from 'vitest';
import { isRoomName } from './names';
import { suggestName } from './suggestion';

it('is a room name that can be said, and another each time', () => {
  const names = Array.from({ length: 200 }, () => suggestName());
  for (const name of names) expect(name).toMatch(/^(([b-z][aeiou]){2}-){2}([b-z][aeiou]){2}$/);
  expect(names.every(isRoomName)).toBe(true);
  expect(new Set(names).size).toBe(200);
});
