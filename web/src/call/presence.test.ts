import { beforeEach, expect, it, vi } from 'vitest';
import { chooseLanguage } from '../i18n/i18n';
import { Presence } from './presence';

const tell = vi.fn<(text: string) => void>();
const told = () => tell.mock.calls.flat();
let presence: Presence;

beforeEach(() => {
  vi.useFakeTimers();
  tell.mockReset();
  presence = new Presence(tell);
});

it('one who comes and one who goes are told at once, by name', () => {
  presence.joined('Bob');
  expect(told()).toEqual(['Bob has joined.']);
  vi.advanceTimersByTime(5_000);
  presence.left('Bob');
  expect(told()).toEqual(['Bob has joined.', 'Bob has left.']);
});

it('a few who come together are told by name, in one go', () => {
  for (const name of ['Ann', 'Bob', 'Carol']) presence.joined(name);
  presence.left('Dave');
  vi.advanceTimersByTime(5_000);
  expect(told()).toEqual(['Ann has joined.', 'Bob has joined. Carol has joined. Dave has left.']);
});

it('twenty-five who come at once are two sentences', () => {
  for (let person = 0; person < 25; person++) presence.joined(`Person ${person}`);
  vi.advanceTimersByTime(60_000);
  expect(told()).toEqual(['Person 0 has joined.', '24 people have joined.']);
});

it('counts by the rules of the language', async () => {
  await chooseLanguage('pl', null);
  for (let person = 0; person < 23; person++) presence.left(`Person ${person}`);
  vi.advanceTimersByTime(2_000);
  for (let person = 0; person < 5; person++) presence.joined(`Person ${person}`);
  vi.advanceTimersByTime(2_000);
  await chooseLanguage('en', null);
  expect(told().slice(1)).toEqual(['Wyszły 22 osoby.', 'Dołączyło 5 osób.']);
});

it('what was not told when one left oneself is not told in the next room', () => {
  for (const name of ['Ann', 'Bob']) presence.joined(name);
  presence.reset();
  vi.advanceTimersByTime(5_000);
  expect(told()).toEqual(['Ann has joined.']);
});
