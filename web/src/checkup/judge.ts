// What was seen, as outcomes: which hop failed, and what its administrator should be told. Functions of values.
import type { DeviceProblem } from '../media/problems';
import { MOST, type Bandwidth } from './bandwidth';
import { isNearby, isPrivate, written, type Target } from './candidates';
import type { ProbeResult } from './probe';
import type { Begun } from './session';
import type { SocketResult } from './socket';
import { failed, failedHere, passed, type Outcome, type Said } from './steps';

/** Where the page is; for media, where it is asked for. */
export interface Here {
  host: string;
  hostname: string;
  isSecure: boolean;
}

export function judgeSecure({ isSecure, host }: Here): Outcome {
  return isSecure ? passed('ok.secure') : failed('insecure', { host });
}

export function judgeApi(begun: Begun, { host }: Here): Outcome {
  switch (begun.status) {
    case 'begun':
      return passed('ok.api', { ms: Math.round(begun.ms) });
    case 'unanswered':
      return failed('api-unanswered', { host });
    case 'answered': {
      const { code, message } = begun;
      if (code === 429) return failedHere('api-busy');
      // Words of the server's own come from Visavis; anything else speaks for something in front of it.
      if (code === 401 || code === 403) return failed('api-refused', { code, message: message ?? `HTTP ${code}` });
      return code >= 500 ? failed('api-broken', { code, host }) : failed('api-path', { code, host });
    }
  }
}

export function judgeSocket(result: SocketResult, url: string, here: Here): Outcome {
  const address = new URL(url);
  const { host } = address;
  switch (result.status) {
    case 'told':
      return passed('ok.websocket', { ms: Math.round(result.ms) });
    case 'silent':
      return failed('socket-silent', { host });
    case 'closed': {
      if (
        here.isSecure &&
        address.protocol === 'ws:' &&
        address.hostname !== 'localhost' &&
        !isLoopback(address.hostname)
      ) {
        return failed('socket-scheme', { url });
      }
      if (host !== here.host && result.validate === null) return failed('socket-elsewhere', { url, host: here.host });
      if (result.validate === 200) return failed('socket-upgrade', { host });
      if (result.validate === null) return failed('socket-path', { code: '–', host });
      return failed('socket-path', { code: result.validate, host });
    }
  }
}

export function judgePath(protocol: 'udp' | 'tcp', result: ProbeResult, { host, hostname }: Here): Outcome {
  switch (result.status) {
    case 'connected':
      return connected(protocol, result);
    case 'refused':
      return failed('whip', { code: result.code ?? '–', host });
    case 'not-offered':
      return failed(protocol === 'udp' ? 'udp-off' : 'tcp-off');
    case 'unconnected': {
      const values = where(result.targets, hostname);
      if (result.reached === 'ice') return failed(`${protocol}-dtls`, values);
      const outside = result.targets.some(({ address }) => !isPrivate(address));
      if (!outside && !isNearby(hostname)) return failed(`${protocol}-private`, values);
      if (protocol === 'udp' && !result.gathered) return failedHere('udp-browser');
      return failed(`${protocol}-blocked`, values);
    }
  }
}

/** One try by each URL of TURN that the server told. */
export interface TurnTry {
  url: string;
  result: ProbeResult;
}

export function judgeTurn(tries: readonly TurnTry[], { host }: Here): Outcome {
  if (tries.length === 0) return failed('turn-off');
  const good = tries.filter(({ result }) => result.status === 'connected');
  const bad = tries.filter(({ result }) => result.status !== 'connected');
  const refused = tries.find(({ result }) => result.status === 'refused')?.result;
  if (good.length === 0 && refused?.status === 'refused') return failed('whip', { code: refused.code ?? '–', host });
  const notes = bad.map(({ url }): Said => ({ key: 'note.turn', values: { server: serverOf(url) } }));
  const [first] = good;
  if (!first) {
    // 401: it answered, and its password is another than the one that signalling gave.
    const hasAnswered = bad.some(({ result }) => result.status === 'unconnected' && result.code === 401);
    const servers = bad.map(({ url }) => serverOf(url)).join(', ');
    return failed(hasAnswered ? 'turn-password' : 'turn-blocked', { servers });
  }
  const ways = [...new Set(good.map(({ url }) => wayOf(url)))].join(', ');
  const { result } = first;
  const roundTrip = result.status === 'connected' ? result.roundTrip : null;
  return roundTrip === null
    ? passed('ok.turn', { ways }, notes)
    : passed('ok.turn-round-trip', { ways, ms: Math.max(1, Math.round(roundTrip)) }, notes);
}

export function judgeBandwidth(measured: Bandwidth): Outcome {
  const [up, down] = [measured.up, measured.down].map((bits) => Math.round(bits / 100_000) / 10) as [number, number];
  if (measured.up < 20_000) return failed('bandwidth-none');
  const values = { up, down };
  const suffices: Said = { key: sufficesFor(Math.min(measured.up, measured.down)) };
  const notes: Said[] = [suffices];
  if (measured.up >= 0.85 * MOST) notes.push({ key: 'note.most' });
  if (Math.min(measured.up, measured.down) < 150_000) return failed('bandwidth-narrow', values);
  return passed('ok.bandwidth', values, notes);
}

/** By what our page sends: 1.7 Mbit/s for 720p and 0.6 for its two smaller layers; the smaller ones are enough for a small tile. */
export function sufficesFor(bits: number): Said['key'] {
  if (bits >= 2_300_000) return 'enough.hd';
  if (bits >= 700_000) return 'enough.picture';
  if (bits >= 250_000) return 'enough.small';
  return 'enough.sound';
}

/** What a publisher in the test's room saw. */
export interface Published {
  /** Why a device of one's own could not be had; null: it was, or none was wanted. */
  camera: DeviceProblem | null;
  microphone: DeviceProblem | null;
  /** Whether the person wanted to send their own. */
  own: boolean;
  picture: Arrival;
  sound: Arrival;
  width: number;
  height: number;
}

/** How far it came. */
export type Arrival = 'arrived' | 'not-sent' | 'not-arrived';

export function judgePublish(published: Published): Outcome {
  const { own, camera, microphone, picture, sound, width, height } = published;
  const notes: Said[] = [];
  if (own && camera !== null) notes.push({ key: `device.camera-${toldAs(camera)}` });
  if (own && microphone !== null) notes.push({ key: `device.microphone-${toldAs(microphone)}` });
  if (picture === 'not-sent' || sound === 'not-sent') return failed('publish-sent', {}, notes);
  if (picture === 'not-arrived' || sound === 'not-arrived') return failed('publish-arrived', {}, notes);
  return passed(own && notes.length < 2 ? 'ok.publish' : 'ok.publish-test', { width, height }, notes);
}

/** However it was refused, the test says but that it was; the way back is told at home. */
function toldAs(problem: DeviceProblem): Exclude<DeviceProblem, 'dismissed' | 'system'> {
  return problem === 'dismissed' || problem === 'system' ? 'refused' : problem;
}

/** `loudest` is the level of 0 to 100 that came back, null if no sound came back at all. */
export function judgeHear(loudest: number | null, isOwn: boolean): Outcome {
  if (loudest === null) return failed('hear-nothing');
  if (loudest >= AUDIBLE) return passed(isOwn ? 'ok.hear' : 'ok.hear-test');
  return isOwn ? failedHere('hear-silent') : failed('hear-nothing');
}

/** About -44 dBFS: a quiet voice, and more than a quiet room. */
export const AUDIBLE = 30;

function connected(protocol: 'udp' | 'tcp', result: ProbeResult & { status: 'connected' }): Outcome {
  return result.roundTrip === null
    ? passed(`ok.${protocol}`, { ms: Math.max(1, Math.round(result.took)) })
    : passed(`ok.${protocol}-round-trip`, { ms: Math.max(1, Math.round(result.roundTrip)) });
}

function where(targets: readonly Target[], hostname: string): Record<string, string | number> {
  return {
    host: hostname,
    port: [...new Set(targets.map(({ port }) => port))].join(', '),
    addresses: targets.map(written).join(', '),
  };
}

/** `turn:192.0.2.1:7882?transport=udp` as people say it. */
function serverOf(url: string): string {
  const [, address = url] = /^turns?:([^?]*)/.exec(url) ?? [];
  return `${wayOf(url)} ${address}`;
}

function wayOf(url: string): string {
  if (url.startsWith('turns:')) return 'TLS';
  return /transport=tcp/.test(url) ? 'TCP' : 'UDP';
}

function isLoopback(hostname: string): boolean {
  return /^(127\.|\[::1\])/.test(hostname);
}
