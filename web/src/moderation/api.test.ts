import { beforeEach, expect, it, vi } from 'vitest';
import { ApiError } from '../rooms/api';
import { moderationApi, SETTINGS } from './api';

const STATE = Object.fromEntries(SETTINGS.map((name) => [name, name === 'listed']));
const fetched = vi.fn<typeof fetch>();
const answers = (body: unknown, status = 200) =>
  fetched.mockResolvedValueOnce(new Response(JSON.stringify(body), { status }));
const sent = () => {
  const [url, { method, body, headers } = {}] = fetched.mock.lastCall ?? [];
  return { url: (url as URL).href, method, body, authorization: new Headers(headers).get('authorization') };
};
const api = moderationApi('https://calls.example/video/');

beforeEach(() => {
  fetched.mockReset();
  vi.stubGlobal('fetch', fetched);
});

it('asks and sets by the room’s name, with the token', async () => {
  answers({ ...STATE, waiting: [{ id: 'p1', name: 'Carol' }] });
  const state = await api.state('a b/c', 'secret');
  expect(state.settings.listed).toBe(true);
  expect(state.waiting).toEqual([{ id: 'p1', name: 'Carol' }]);
  const url = 'https://calls.example/video/api/video/rooms/a%20b%2Fc';
  expect(sent()).toMatchObject({ url, method: 'GET', authorization: 'Bearer secret' });
  answers(STATE);
  await api.set('a b/c', 'secret', { locked: true });
  expect(sent()).toMatchObject({ url, method: 'PATCH', body: '{"locked":true}' });
  answers({});
  await api.command('a b/c', 'secret', 'mute', { identity: 'bob' });
  expect(sent()).toMatchObject({ url: `${url}/mute`, method: 'POST', body: '{"identity":"bob"}' });
  answers({});
  await api.end('a b/c', 'secret');
  expect(sent()).toMatchObject({ url, method: 'DELETE' });
});

it.each([
  ['nothing', null],
  ['a setting that is missing', { ...STATE, locked: undefined }],
  ['a setting that is no choice', { ...STATE, locked: 'yes' }],
  ['a queue that is none', { ...STATE, waiting: 'Carol' }],
  ['somebody without a name', { ...STATE, waiting: [{ id: 'p1' }] }],
])('an answer with %s is refused', async (_, body) => {
  answers(body);
  await expect(api.state('den', 'secret')).rejects.toMatchObject({ kind: 'unexpected_answer' });
});

it('a refusal keeps the server’s kind', async () => {
  answers({ error: 'not_a_moderator', message: 'only moderators' }, 403);
  const refused = await api.end('den', 'secret').catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ApiError);
  expect(refused).toMatchObject({ status: 403, kind: 'not_a_moderator' });
});
