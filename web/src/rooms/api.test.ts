import { expect, it, vi } from 'vitest';
import { videoApi } from './api';

const PERSON = { identity: 'ada-1', name: 'Ada' };
const OPTIONS = { listed: false, showPeople: true, waitingRoom: false };
const TICKET = { token: 'ticket', url: 'wss://example.org', identity: 'ada-1', moderator: true };

/** Answers requests by method and path, and keeps them. */
function server(answers: Record<string, [number, unknown]>): { asked: Request[] } {
  const asked: Request[] = [];
  vi.stubGlobal('fetch', (url: URL, init: RequestInit) => {
    const request = new Request(url, init);
    asked.push(request);
    const [status, body] = answers[`${request.method} ${url.pathname}`] ?? [500, null];
    return Promise.resolve(new Response(JSON.stringify(body), { status }));
  });
  return { asked };
}
const api = () => videoApi('https://example.org/base/');

it('rooms may say more than their counts, or not', async () => {
  server({
    'GET /base/api/video/rooms': [
      200,
      [
        { name: 'old', participantCount: 1, maxParticipants: 50 },
        {
          name: 'new',
          participantCount: 2,
          maxParticipants: 4,
          people: [{ name: 'Ada' }, { name: '' }, null, 'Bob'],
          locked: true,
          waitingRoom: true,
        },
      ],
    ],
  });
  expect(await api().rooms()).toEqual([
    { name: 'old', participantCount: 1, maxParticipants: 50, people: [], isLocked: false, hasWaitingRoom: false },
    { name: 'new', participantCount: 2, maxParticipants: 4, people: ['Ada'], isLocked: true, hasWaitingRoom: true },
  ]);
});

it('a room is made by its maker, with what it shall be like', async () => {
  const { asked } = server({
    'GET /base/api/video/token': [200, { token: 'roomless', url: 'wss://example.org', identity: 'ada-1' }],
    'POST /base/api/video/rooms': [200, TICKET],
  });
  expect((await api().create(PERSON, 'alpha', OPTIONS))?.token).toBe('ticket');
  const [, request] = asked;
  expect(request?.headers.get('Authorization')).toBe('Bearer roomless');
  expect(await request?.json()).toEqual({ name: 'alpha', ...OPTIONS });
});

it.each([404, 405, 409])('where that is answered by %d, joining makes it', async (status) => {
  server({
    'GET /base/api/video/token': [200, { token: 'roomless', url: 'wss://example.org', identity: 'ada-1' }],
    'POST /base/api/video/rooms': [status, { error: 'x', message: 'No.' }],
  });
  expect(await api().create(PERSON, 'alpha', OPTIONS)).toBeNull();
});

it('a refusal to make it is told', async () => {
  server({
    'GET /base/api/video/token': [200, { token: 'roomless', url: 'wss://example.org', identity: 'ada-1' }],
    'POST /base/api/video/rooms': [403, { error: 'forbidden', message: 'You may not make rooms.' }],
  });
  await expect(api().create(PERSON, 'alpha', OPTIONS)).rejects.toThrow('You may not make rooms.');
});
