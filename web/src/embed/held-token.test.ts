import { beforeEach, expect, it, vi } from 'vitest';
import type { VideoApi } from '../rooms/api';
import { takeToken, withToken } from './held-token';

const tokenOf = (claims: object) => `x.${btoa(JSON.stringify(claims))}.y`;
const exchange = vi.fn(() => Promise.resolve({ token: 't', url: 'u', identity: 'i' }));
const api = { exchange } as unknown as VideoApi;
const person = { identity: 'me', name: 'Me' };

beforeEach(() => history.replaceState(null, '', '/r/alpha?embed=1'));

it('a token leaves the address at once, the key stays, and a reload has both', () => {
  history.replaceState(null, '', '/r/alpha?embed=1#token=a.b.c&e2ee=KEY');
  expect(takeToken(window)).toBe('a.b.c');
  expect(location.href).toMatch(/\/r\/alpha\?embed=1#e2ee=KEY$/);
  expect(takeToken(window)).toBe('a.b.c');
});

it('without one there is none', () => {
  expect(takeToken(window)).toBeNull();
});

it('a token for the room is used as it is', async () => {
  const token = tokenOf({ sub: 'ann', video: { room: 'alpha' } });
  const ticket = await withToken(api, token, 'https://meet.example/video/').ticket(person, 'alpha');
  expect(ticket).toEqual({ token, url: 'wss://meet.example/video', identity: 'ann' });
});

it('one that names no room is exchanged', async () => {
  const token = tokenOf({ sub: 'ann', video: { roomJoin: true } });
  await withToken(api, token).ticket(person, 'alpha');
  expect(exchange).toHaveBeenCalledWith(token, 'alpha');
});

it.each([
  [tokenOf({ sub: 'ann', video: { room: 'beta' } }), 'the token is for the room “beta”, and this is “alpha”'],
  ['nonsense', 'the token in the address is none'],
])('%s is refused in words', async (token, words) => {
  await expect(withToken(api, token).ticket(person, 'alpha')).rejects.toThrow(words);
});
