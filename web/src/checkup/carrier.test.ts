import { beforeAll, describe, expect, it } from 'vitest';
import { t } from '../i18n/i18n';
import english from '../i18n/locales/en/checkup.json';
import { servedAt, toldOf } from './carrier';
import { judgePath, judgeSecure, judgeSocket, judgeTurn, type Here } from './judge';
import type { ProbeResult } from './probe';
import { sayWith } from './say';
import type { Carrier, Session } from './session';
import type { Outcome } from './steps';
import { sayCheckup } from './texts';

const PAGE: Here = { host: 'meet.example.org', hostname: 'meet.example.org', isSecure: true };
const CLUSTER = 'wss://livekit.example.org';
const AT = servedAt({ url: CLUSTER } as Session, PAGE);

beforeAll(sayCheckup);

/** What its administrator is told. */
function advised(outcome: Outcome, carrier: Carrier = 'livekit'): string {
  const told = toldOf(carrier, outcome);
  return told.status === 'failed' && told.tell ? sayWith(t)(told.tell) : '';
}

const unconnected: ProbeResult = {
  status: 'unconnected',
  reached: 'nothing',
  gathered: true,
  code: null,
  targets: [{ protocol: 'udp', address: '10.0.0.7', port: 7892 }],
};
const closed = (validate: number | null) => ({ status: 'closed', validate, text: '' }) as const;

describe('in front of a cluster', () => {
  it.each([
    [judgePath('udp', { status: 'not-offered' }, AT), 'rtc.udp_port'],
    [judgePath('tcp', { status: 'not-offered' }, AT), 'rtc.tcp_port'],
    [judgePath('udp', unconnected, AT), 'rtc.node_ip'],
    [judgePath('tcp', unconnected, AT), 'rtc.use_external_ip'],
    [judgePath('udp', { status: 'refused', code: 404 }, AT), '/whip/v1 at livekit.example.org'],
    [judgeTurn([], AT), 'turn.enabled'],
    [judgeTurn([{ url: 'turns:turn.example.org:5349?transport=tcp', result: unconnected }], AT), 'turn.tls_port: 443'],
    [judgeSocket(closed(null), CLUSTER, PAGE), 'livekit_client_url'],
    [judgeSocket(closed(null), 'ws://livekit.example.org', PAGE), 'livekit_client_url'],
    [judgeSocket(closed(404), CLUSTER, PAGE), 'livekit-server'],
    [judgeSocket(closed(200), CLUSTER, PAGE), '/rtc at livekit.example.org'],
  ])('advice %# is about it', (outcome, words) => {
    expect(advised(outcome)).toContain(words);
    expect(advised(outcome)).not.toMatch(/Visavis\b|behind_proxy|(?<!\.)\b(udp_port|tcp_port|node_ip|turn_domain)/);
  });

  it('the page is served as ever', () => {
    const insecure = judgeSecure({ ...PAGE, isSecure: false });
    expect(advised(insecure)).toBe(advised(insecure, 'embedded'));
    expect(advised(insecure)).toContain('behind_proxy');
  });

  it('whatever else names a setting of ours is said differently', () => {
    const ofOurs = Object.entries(english)
      .filter(([key]) => /^tell\.(socket|whip|udp|tcp|turn)/.test(key))
      .filter(([, text]) => /Visavis|behind_proxy|_port|node_ip|turn_domain|Host header/.test(text))
      .map(([key]) => `livekit.${key}`);
    expect(ofOurs.length).toBeGreaterThan(5);
    expect(Object.keys(english)).toEqual(expect.arrayContaining(ofOurs));
  });
});

it('in front of rooms of our own the settings are ours', () => {
  expect(advised(judgePath('udp', { status: 'not-offered' }, PAGE), 'embedded')).toContain('Set udp_port');
});
