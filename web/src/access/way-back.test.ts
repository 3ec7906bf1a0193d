import { expect, it } from 'vitest';
import type { DeviceProblem } from '../media/problems';
import type { BrowserKind, SystemKind } from './browser';
import { troubleOf, wayBack } from './way-back';

const PROBLEMS: DeviceProblem[] = ['refused', 'dismissed', 'system', 'missing', 'busy', 'insecure'];
const BROWSERS: BrowserKind[] = [
  'chrome',
  'chrome-android',
  'firefox',
  'firefox-android',
  'safari',
  'safari-ios',
  'other-ios',
  'other',
];
const SYSTEMS: SystemKind[] = ['windows', 'mac', 'android', 'ios', 'other'];
const ANY = { browser: 'chrome', system: 'windows' } as const;

it.each(PROBLEMS)('%s has a sentence and a way back for each device, and for both', (problem) => {
  for (const of of ['camera', 'microphone', 'both'] as const) {
    const { what, how } = wayBack({ problem, of }, ANY);
    expect(what).toMatch(of === 'both' ? /camera and (no )?microphone/ : /camera|microphone/i);
    expect(how).toMatch(/try again|plug|open/i);
  }
});

it('each browser has its own way back from a refusal, each system from its own', () => {
  const allowed = BROWSERS.map((browser) => wayBack({ problem: 'refused', of: 'both' }, { ...ANY, browser }).how);
  expect(new Set(allowed).size).toBe(BROWSERS.length);
  const let_ = SYSTEMS.map((system) => wayBack({ problem: 'system', of: 'both' }, { ...ANY, system }).how);
  expect(new Set(let_).size).toBe(SYSTEMS.length);
  for (const how of [...allowed, ...let_]) expect(how).toMatch(/(allow|let|switch|remove)/i);
});

it.each([
  [null, null, null],
  ['refused', 'refused', { problem: 'refused', of: 'both' }],
  ['refused', null, { problem: 'refused', of: 'camera' }],
  [null, 'busy', { problem: 'busy', of: 'microphone' }],
  ['missing', 'refused', { problem: 'missing', of: 'camera' }],
] as const)('%s and %s is %j', (camera, microphone, trouble) => {
  expect(troubleOf(camera, microphone)).toEqual(trouble);
});
