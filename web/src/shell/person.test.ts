import { beforeEach, expect, it } from 'vitest';
import { guestName, initialsOf, OwnPerson } from './person';

/** The browser's locks, as one page of several sees them. */
class Locks {
  readonly held = new Set<string>();
  request(name: string, _options: LockOptions, run: (lock: Lock | null) => unknown): Promise<unknown> {
    const free = !this.held.has(name);
    this.held.add(name);
    return Promise.resolve(run(free ? { name, mode: 'exclusive' } : null));
  }
}

const page = (locks = new Locks()) => OwnPerson.load(localStorage, sessionStorage, locks as unknown as LockManager);

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
});

it('a reload is the same person, with the name kept', async () => {
  const before = await page();
  before.rename('Alice');
  const after = await page();
  expect(after.identity).toBe(before.identity);
  expect(after.shownName()).toBe('Alice');
});

it('a duplicated tab is another person, while the first lives', async () => {
  const locks = new Locks();
  const first = await page(locks);
  const second = await page(locks);
  expect(second.identity).not.toBe(first.identity);
});

it('without storage there is a person all the same', async () => {
  const person = await OwnPerson.load(null, null, undefined);
  person.rename('  ');
  expect(person.identity).toMatch(/^[0-9a-f]{32}$/);
  expect(person.shownName()).toBe(guestName(person.identity));
  expect(person.shownName()).toMatch(/^Guest \d{4}$/);
});

it.each([
  ['Ada Lovelace', 'AL'],
  ['ada', 'A'],
  ['Jean-Luc van der Berg', 'JB'],
  ['🙂 x', '🙂X'],
  ['  ', '?'],
])('the initials of %j are %j', (name, initials) => {
  expect(initialsOf(name)).toBe(initials);
});
