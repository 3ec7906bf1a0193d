import { expect, it } from 'vitest';
import { problemOf } from './problems';

it.each([
  ['NotAllowedError', 'refused'],
  ['SecurityError', 'refused'],
  ['NotFoundError', 'missing'],
  ['OverconstrainedError', 'missing'],
  ['NotReadableError', 'busy'],
  ['AbortError', 'busy'],
])('%s means %s', (name, problem) => {
  expect(problemOf(new DOMException('', name))).toBe(problem);
});

it.each([
  ['Permission denied', 'refused'],
  ['Permission dismissed', 'dismissed'],
  ['Permission denied by system', 'system'],
  ['The request is not allowed by the user agent or the platform in the current context.', 'refused'],
])('a refusal that says %j means %s', (message, problem) => {
  expect(problemOf(new DOMException(message, 'NotAllowedError'))).toBe(problem);
});
