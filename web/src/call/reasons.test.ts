import { expect, it } from 'vitest';
import { ApiError } from '../rooms/api';
import { ConnectFailure, endingOf, failureOf, NotLoaded, shorten } from './reasons';

it('an end that nobody explains is tried again', () => {
  expect(endingOf(undefined)).toEqual({ again: true });
});

const FAILURES: [Error, boolean][] = [
  [new ApiError('The server does not answer.', null), true],
  [new ApiError('busy', 503), true],
  [new ApiError('the room is full', 403), false],
  [new ConnectFailure('refused', 'the token has expired'), false],
  [new ConnectFailure('unreachable', 'no answer'), true],
  [new NotLoaded(new Error('offline')), true],
  [new Error('odd'), true],
];

it.each(FAILURES)('%s is tried again: %s', (error, again) => {
  const failure = failureOf(error, 'alpha');
  expect(failure.again).toBe(again);
  expect(failure.text).toMatch(/^“alpha” could not be joined: .+[.]$/);
});

it('shortens by characters, so that none is cut in two', () => {
  expect(shorten('🙂'.repeat(50), 10)).toBe(`${'🙂'.repeat(9)}…`);
  expect(shorten('short')).toBe('short');
});
