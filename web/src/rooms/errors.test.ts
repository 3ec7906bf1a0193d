import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ApiError } from './api';
import { sayError } from './errors';

/** What no page causes, so that the server's own words do: requests by hand, the operator's page, and what ends the server's start. */
const OTHERS = [
  'invalid_request',
  'admin_off',
  'history_off',
  'history_unreadable',
  'bind_failed',
  'invalid_setting',
  'no_public_address',
  'cluster_refused',
  'does_not_live_here',
];

const table = readFileSync(`${import.meta.dirname}/../../../src/visavis/errors.py`, 'utf8');
const kinds = [...table.matchAll(/^ {4}[A-Z_]+ = "(\w+)"/gm)].map(([, kind]) => kind ?? '');

it('each kind that the server tells is said in the language of the page', () => {
  const unsaid = kinds.filter((kind) => sayError(new ApiError('by the server', 400, kind)) === 'by the server');
  expect(kinds).toContain('room_full');
  expect(unsaid.sort()).toEqual([...OTHERS].sort());
});

it('the words of the server stand in for a kind that is not known', () => {
  expect(sayError(new ApiError('the moon is full', 503, 'moon_full'))).toBe('the moon is full');
  expect(sayError(new ApiError('no kind', 500))).toBe('no kind');
});
