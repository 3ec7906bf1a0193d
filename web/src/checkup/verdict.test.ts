import { beforeAll, expect, it } from 'vitest';
import { t } from '../i18n/i18n';
import { sayWith } from './say';
import { failed, NOTHING_YET, passed, skipped, STEPS, type Outcomes } from './steps';
import { sayCheckup } from './texts';
import { reportOf, verdictOf } from './verdict';

beforeAll(sayCheckup);

const WELL: Outcomes = { ...NOTHING_YET, ...Object.fromEntries(STEPS.map((step) => [step, passed('ok.secure')])) };
const blocked = failed('udp-blocked', { host: 'a', port: 7882, addresses: 'a:7882' });

it.each([
  ['all is well', {}, 'verdict.good'],
  ['only UDP is blocked', { udp: blocked }, 'verdict.slow'],
  ['there is no TURN', { turn: failed('turn-off') }, 'verdict.here'],
  ['no way is left', { udp: blocked, tcp: failed('tcp-off'), turn: failed('turn-off') }, 'verdict.no-way'],
  ['the WebSocket fails', { websocket: failed('socket-upgrade', { host: 'a' }) }, 'verdict.none'],
  ['the server fails', { api: failed('api-unanswered', { host: 'a' }) }, 'verdict.none'],
  ['the page is not secure', { secure: failed('insecure', { host: 'a' }) }, 'verdict.insecure'],
  ['nothing comes back', { publish: failed('publish-arrived') }, 'verdict.partly'],
  ['it was stopped', { tcp: skipped('skipped.aborted') }, 'verdict.aborted'],
  ['the person’s part is yet to come', { publish: { status: 'ready' }, hear: { status: 'ready' } }, 'verdict.good'],
] as const)('if %s, the verdict is so', (_, outcomes, key) => {
  expect(verdictOf({ ...WELL, ...outcomes }).said.key).toBe(key);
});

it('the report tells each step, what failed and whom to tell what', () => {
  const about = { address: 'https://a/test', at: new Date(0), browser: 'Browser 1.0' };
  const report = reportOf({ ...WELL, udp: blocked, hear: { status: 'ready' } }, about, sayWith(t));
  expect(report).toMatch(/^Visavis connection test\nhttps:\/\/a\/test · 1970-01-01T00:00:00.000Z\nBrowser 1.0\n/);
  expect(report).toContain('[failed] Media over UDP: No UDP packet gets through');
  expect(report).toMatch(/→ UDP port 7882 of a \(a:7882\)/);
  expect(report).toContain('[your turn] Hear yourself\n');
  expect(report.split('\n').filter((line) => line.startsWith('['))).toHaveLength(STEPS.length);
});
