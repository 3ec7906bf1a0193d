import { beforeEach, expect, it } from 'vitest';
import { Recents } from './recents';

beforeEach(() => localStorage.clear());

it('keeps the last eight rooms, newest first and each once, across a reload', () => {
  const recents = new Recents(localStorage);
  for (let number = 1; number <= 9; number++) recents.add(`room ${number}`);
  recents.add('room 5');
  expect(new Recents(localStorage).get()).toEqual([5, 9, 8, 7, 6, 4, 3, 2].map((number) => `room ${number}`));
});

it('forgets one, and all', () => {
  const recents = new Recents(localStorage);
  recents.add('alpha');
  recents.add('beta');
  recents.forget('beta');
  expect(new Recents(localStorage).get()).toEqual(['alpha']);
  recents.forgetAll();
  expect(new Recents(localStorage).get()).toEqual([]);
  expect(localStorage).toHaveLength(0);
});

it.each(['no json', '{}', '[1, "a/b", "alpha"]'])('%s in the storage does no harm', (text) => {
  localStorage.setItem('visavis.recent-rooms', text);
  expect(new Recents(localStorage).get()).toEqual(text.includes('alpha') ? ['alpha'] : []);
});
