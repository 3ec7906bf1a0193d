import { ConnectionError } from 'livekit-client';
import { expect, it } from 'vitest';
import { ApiError } from '../rooms/api';
import { endingOf, failureOf, shorten } from './reasons';

it('an end that nobody explains is tried again', () => {
  expect(endingOf(undefined)).toEqual({ again: true });
});

it.each([
  [new ApiError('The server does not answer.', null), true],
  [new ApiError('busy', 503), true],
  [new ApiError('the room is full', 403), false],
  [ConnectionError.notAllowed('the token has expired', 401), false],
  [ConnectionError.serverUnreachable('no answer'), true],
  [new Error('odd'), true],
])('%s is tried again: %s', (error, again) => {
  const failure = failureOf(error, 'alpha');
  expect(failure.again).toBe(again);
  expect(failure.text).toMatch(/^“alpha” could not be joined: .+[.]$/);
});

it('shortens by characters, so that none is cut in two', () => {
  expect(shorten('🙂'.repeat(50), 10)).toBe(`${'🙂'.repeat(9)}…`);
  expect(shorten('short')).toBe('short');
});
