import { beforeAll, describe, expect, it } from 'vitest';
import { t } from '../i18n/i18n';
import { bandwidthOf, MOST } from './bandwidth';
import {
  judgeApi,
  judgeBandwidth,
  judgeHear,
  judgePath,
  judgePublish,
  judgeSecure,
  judgeSocket,
  judgeTurn,
  type Published,
} from './judge';
import { iceServersOf, type ProbeResult } from './probe';
import { sayWith } from './say';
import type { Outcome } from './steps';
import { sayCheckup } from './texts';

const HERE = { host: 'meet.example.org', hostname: 'meet.example.org', isSecure: true };
const URL_HERE = 'wss://meet.example.org';

beforeAll(sayCheckup);

/** What a person reads of it. */
function read(outcome: Outcome): { status: string; text: string; tell: string; notes: string[] } {
  const say = sayWith(t);
  if (!('said' in outcome)) return { status: outcome.status, text: '', tell: '', notes: [] };
  const notes = outcome.status === 'skipped' ? [] : outcome.notes.map(say);
  const tell = outcome.status === 'failed' && outcome.tell ? say(outcome.tell) : '';
  return { status: outcome.status, text: say(outcome.said), tell, notes };
}

const at = (address: string, protocol: 'udp' | 'tcp' = 'udp') => [
  { protocol, address, port: protocol === 'udp' ? 7882 : 7881 },
];
const unconnected = (more: Partial<ProbeResult & { status: 'unconnected' }> = {}): ProbeResult => ({
  status: 'unconnected',
  reached: 'nothing',
  gathered: true,
  code: null,
  targets: at('203.0.113.7'),
  ...more,
});
const connected = (roundTrip: number | null): ProbeResult => ({
  status: 'connected',
  roundTrip,
  took: 61.2,
  targets: at('203.0.113.7'),
});

it('a page on plain HTTP is told what to set', () => {
  expect(judgeSecure(HERE).status).toBe('passed');
  expect(read(judgeSecure({ ...HERE, isSecure: false })).tell).toMatch(/meet\.example\.org over HTTPS.*tls_cert/);
});

describe('the server', () => {
  it.each([
    [{ status: 'unanswered' }, /does not answer/, /meet\.example\.org does not answer POST/],
    [{ status: 'answered', code: 404, message: null }, /end somewhere else/, /HTTP 404.*every method/],
    [{ status: 'answered', code: 502, message: null }, /out of order/, /HTTP 502/],
    [{ status: 'answered', code: 200, message: null }, /end somewhere else/, /HTTP 200, not from Visavis/],
    [{ status: 'answered', code: 401, message: 'sign in first' }, /sign in first/, /HTTP 401/],
  ] as const)('that gives %j is told so', (begun, text, tell) => {
    const said = read(judgeApi(begun, HERE));
    expect(said.status).toBe('failed');
    expect(said.text).toMatch(text);
    expect(said.tell).toMatch(tell);
  });

  it('that is busy needs no administrator', () => {
    expect(read(judgeApi({ status: 'answered', code: 429, message: 'wait' }, HERE))).toMatchObject({
      text: expect.stringContaining('Wait a minute') as string,
      tell: '',
    });
  });
});

describe('the WebSocket', () => {
  it.each([
    ['that opens after plain HTTP did', { status: 'closed', validate: 200, text: 'success' }, URL_HERE, /Upgrade/],
    ['whose path leads elsewhere', { status: 'closed', validate: 404, text: '' }, URL_HERE, /validate.*HTTP 404/],
    [
      'of a server that knows no TLS',
      { status: 'closed', validate: null, text: '' },
      'ws://meet.example.org',
      /behind_proxy/,
    ],
    ['of another name', { status: 'closed', validate: null, text: '' }, 'wss://10.0.0.5:7880', /Host header/],
    ['that is silent', { status: 'silent' }, URL_HERE, /buffering/],
  ] as const)('%s is named', (_, result, url, tell) => {
    expect(read(judgeSocket(result, url, HERE)).tell).toMatch(tell);
  });

  it('that works tells how fast', () => {
    expect(read(judgeSocket({ status: 'told', ms: 41.7 }, URL_HERE, HERE)).text).toContain('42 ms');
  });
});

describe('a way for media', () => {
  it('tells its round trip, or how long it took where the browser tells none', () => {
    expect(read(judgePath('udp', connected(12.4), HERE)).text).toMatch(/^12 ms round trip/);
    expect(read(judgePath('tcp', connected(null), HERE)).text).toMatch(/within 61 ms/);
    expect(read(judgePath('udp', connected(0.2), HERE)).text).toMatch(/^1 ms round trip/);
  });

  it.each([
    ['udp', /UDP port 7882 of meet\.example\.org \(203\.0\.113\.7:7882\)/],
    ['tcp', /TCP port 7882 of meet\.example\.org/],
  ] as const)('that is blocked names the port of %s', (protocol, tell) => {
    const said = read(judgePath(protocol, unconnected(), HERE));
    expect(said.status).toBe('failed');
    expect(said.tell).toMatch(tell);
  });

  it('to a private address names the setting, unless the page is in that network', () => {
    const result = unconnected({ targets: at('10.0.0.5') });
    expect(read(judgePath('udp', result, HERE)).tell).toMatch(/node_ip to the public address of meet\.example\.org/);
    expect(read(judgePath('udp', result, { ...HERE, hostname: 'nas.local' })).tell).toMatch(
      /UDP port 7882 of nas\.local/,
    );
  });

  it('that a browser forbids is no matter of the administrator’s', () => {
    expect(read(judgePath('udp', unconnected({ gathered: false }), HERE))).toMatchObject({
      status: 'failed',
      tell: '',
    });
  });

  it('on which encryption fails is told apart from one that is blocked', () => {
    expect(read(judgePath('udp', unconnected({ reached: 'ice' }), HERE)).tell).toMatch(/^DTLS does not finish/);
  });

  it('that is not offered names the setting', () => {
    expect(read(judgePath('tcp', { status: 'not-offered' }, HERE)).tell).toMatch(/tcp_port/);
  });

  it('for which the request failed names the request', () => {
    expect(read(judgePath('udp', { status: 'refused', code: 404 }, HERE)).tell).toMatch(/POST \/whip\/v1.*HTTP 404/);
  });
});

describe('TURN', () => {
  const tried = (url: string, result: ProbeResult) => ({ url, result });
  const [udp, tls] = ['turn:203.0.113.7:7882?transport=udp', 'turns:turn.example.org:443?transport=tcp'];

  it('that is off names the setting', () => {
    expect(read(judgeTurn([], HERE)).tell).toMatch(/turn_domain/);
  });

  it('passes if one way does, and tells which do not', () => {
    const said = read(judgeTurn([tried(udp, unconnected()), tried(tls, connected(30))], HERE));
    expect(said).toMatchObject({ status: 'passed', notes: ['Not reached: UDP 203.0.113.7:7882'] });
    expect(said.text).toMatch(/over TLS, 30 ms/);
  });

  it('that nothing reaches names each server', () => {
    const said = read(judgeTurn([tried(udp, unconnected()), tried(tls, unconnected())], HERE));
    expect(said.tell).toContain('UDP 203.0.113.7:7882, TLS turn.example.org:443');
  });

  it('that refuses its password is told apart', () => {
    expect(read(judgeTurn([tried(udp, unconnected({ code: 401 }))], HERE)).tell).toMatch(/refuses the credentials/);
  });

  it('is read from the headers of WHIP', () => {
    const link = `<${udp}>; rel="ice-server"; username="1:PA_a"; credential="x="; credential-type="password", <${tls}>; rel="ice-server"; username="1:PA_a"; credential="x="; credential-type="password", <https://a>; rel="other"`;
    expect(iceServersOf(link)).toEqual([udp, tls].map((urls) => ({ urls, username: '1:PA_a', credential: 'x=' })));
  });
});

describe('bandwidth', () => {
  it.each([
    [4_000_000, 3_900_000, 'passed', /high definition/],
    [1_000_000, 950_000, 'passed', /medium size/],
    [400_000, 400_000, 'passed', /small picture/],
    [200_000, 190_000, 'passed', /Enough for sound/],
    [2_000_000, 160_000, 'passed', /Enough for sound/],
  ])('of %i up and %i down has %s', (up, down, status, note) => {
    const said = read(judgeBandwidth({ up, down }));
    expect(said.status).toBe(status);
    expect(said.notes[0]).toMatch(note);
  });

  it('that is too small for a voice fails, and so does none', () => {
    expect(read(judgeBandwidth({ up: 100_000, down: 90_000 })).tell).toMatch(/0\.1 Mbit\/s up/);
    expect(read(judgeBandwidth({ up: 0, down: 0 })).tell).toMatch(/no RTP arrives/);
  });

  it('as large as the test can tell says so', () => {
    expect(read(judgeBandwidth({ up: MOST, down: MOST })).notes[1]).toMatch(/no more than this/);
  });

  it('is the best stretch of two seconds, without what was lost', () => {
    const looks = [0, 0, 0, 0, 0, 1, 2, 3, 4, 4].map((half, index) => ({
      at: index * 500,
      sent: half * 125_000,
      received: half * 100_000,
      loss: 0.1,
    }));
    expect(bandwidthOf(looks)).toEqual({ up: 1_800_000, down: 1_600_000 });
    expect(bandwidthOf(looks.slice(0, 1))).toEqual({ up: 0, down: 0 });
  });
});

describe('what is sent', () => {
  const published = (more: Partial<Published> = {}): Published => ({
    own: true,
    camera: null,
    microphone: null,
    picture: 'arrived',
    sound: 'arrived',
    width: 1280,
    height: 720,
    ...more,
  });

  it('and comes back is told with its size', () => {
    expect(read(judgePublish(published())).text).toMatch(/^Your picture \(1280 × 720\)/);
  });

  it('in place of refused devices is told to be a test', () => {
    const said = read(judgePublish(published({ camera: 'refused', microphone: 'missing' })));
    expect(said.status).toBe('passed');
    expect(said.text).toMatch(/^A test picture/);
    expect(said.notes).toHaveLength(2);
  });

  it('but does not leave, or does not come back, is told apart', () => {
    expect(read(judgePublish(published({ sound: 'not-sent' }))).text).toMatch(/sends no picture or no sound/);
    expect(read(judgePublish(published({ picture: 'not-arrived' }))).text).toMatch(/does not come back/);
  });

  it('and silent is the microphone’s matter, if it is the person’s own', () => {
    expect(read(judgeHear(60, true)).text).toMatch(/Your voice/);
    expect(read(judgeHear(2, true))).toMatchObject({ status: 'failed', tell: '' });
    expect(read(judgeHear(2, false)).tell).not.toBe('');
    expect(read(judgeHear(null, true)).text).toMatch(/No sound came back/);
  });
});
