import { expect, it } from 'vitest';
import { deviceNotice, problemOf, type DeviceProblem } from './problems';

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

it('nothing is told when both are well', () => {
  expect(deviceNotice(null, null)).toBeNull();
});

const PROBLEMS: DeviceProblem[] = ['refused', 'missing', 'busy', 'insecure'];

it.each(PROBLEMS)('%s says what to do, and that one can join all the same', (problem) => {
  for (const [camera, microphone] of [
    [problem, null],
    [null, problem],
    [problem, problem],
  ] as const) {
    expect(deviceNotice(camera, microphone)?.text).toMatch(/(Allow|Plug|Close|Open) .*You can join all the same/);
  }
});

it('one notice speaks of both', () => {
  expect(deviceNotice('refused', 'refused')).toMatchObject({
    kind: 'camera-refused',
    text: expect.stringContaining('your camera and microphone') as string,
  });
  expect(deviceNotice(null, 'missing')?.kind).toBe('no-microphone');
});
