import { expect, it, vi } from 'vitest';
import { kindOfRefusal } from './refusal';

it('is asked of the server that refused, and is nothing where it does not tell or does not answer', async () => {
  const fetched = vi.spyOn(globalThis, 'fetch');
  fetched.mockResolvedValueOnce(new Response('the room is full', { headers: { 'Visavis-Error': 'room_full' } }));
  expect(await kindOfRefusal('wss://calls.example/video/', 'a b')).toBe('room_full');
  expect((fetched.mock.lastCall?.[0] as URL).href).toBe('https://calls.example/video/rtc/validate?access_token=a+b');
  fetched.mockResolvedValueOnce(new Response('denied'));
  expect(await kindOfRefusal('ws://calls.example', 'token')).toBeNull();
  fetched.mockRejectedValueOnce(new TypeError('offline'));
  expect(await kindOfRefusal('ws://calls.example', 'token')).toBeNull();
});
