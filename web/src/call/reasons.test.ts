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
  [new ConnectFailure('refused', 'room is full', 'room_full'), false],
  [new ConnectFailure('unreachable', 'no answer'), true],
  [new NotLoaded(new Error('offline')), true],
  [new Error('odd'), true],
];

it.each(FAILURES)('%s is tried again: %s', (error, again) => {
  const failure = failureOf(error, 'alpha');
  expect(failure.again).toBe(again);
  expect(failure.text).toMatch(/^“alpha” could not be joined: .+[.]$/);
});

it('a refusal whose kind is known is said in the language of the page, another in the words of the server', () => {
  const said = (kind: string | null) =>
    failureOf(new ConnectFailure('refused', 'room atrium has 2 of 2', kind), 'a').text;
  expect(said('room_full')).toBe('“a” could not be joined: The room is full. Try again when somebody has left.');
  expect(said('of_tomorrow')).toBe('“a” could not be joined: room atrium has 2 of 2.');
  expect(said(null)).toBe('“a” could not be joined: room atrium has 2 of 2.');
});

it('shortens by characters, so that none is cut in two', () => {
  expect(shorten('🙂'.repeat(50), 10)).toBe(`${'🙂'.repeat(9)}…`);
  expect(shorten('short')).toBe('short');
});
