import { describe, expect, it } from 'vitest';
import { figuresOf, type Entry, type Sample } from './figures';

const ONE_SECOND = 1_000;

function entry(id: string, type: string, fields: Record<string, unknown>, at = 0): Entry {
  return { id, type, timestamp: at * ONE_SECOND, ...fields };
}

/** A connection at a second: what a camera of two sizes and a microphone sent, what of Bob came. */
function sample(at: number, more: { publisher?: Entry[]; subscriber?: Entry[] } = {}): Sample {
  const path = [
    entry('T', 'transport', { selectedCandidatePairId: 'P' }),
    entry('P', 'candidate-pair', { localCandidateId: 'L', currentRoundTripTime: 0.042 }),
    entry('L', 'local-candidate', { candidateType: 'host', protocol: 'udp' }),
  ];
  const layer = (id: string, width: number, bytes: number) =>
    entry(
      id,
      'outbound-rtp',
      {
        kind: 'video',
        codecId: 'VP8',
        frameWidth: width,
        frameHeight: width / 2,
        framesPerSecond: 29.6,
        bytesSent: at * bytes,
        packetsSent: at * 100,
        qualityLimitationReason: 'none',
      },
      at,
    );
  return {
    publisher: [
      ...path,
      entry('VP8', 'codec', { mimeType: 'video/VP8' }),
      layer('small', 320, 12_500),
      layer('large', 640, 50_000),
      entry('R', 'remote-inbound-rtp', { localId: 'large', packetsLost: at * 10 }, at),
      ...(more.publisher ?? []),
    ],
    subscriber: [
      ...path,
      entry(
        'B',
        'inbound-rtp',
        {
          kind: 'audio',
          trackIdentifier: 'bobs-voice',
          codecId: 'O',
          bytesReceived: at * 4_000,
          packetsReceived: at * 50,
          packetsLost: at,
        },
        at,
      ),
      entry('O', 'codec', { mimeType: 'audio/opus' }),
      ...(more.subscriber ?? []),
    ],
    sent: [{ source: 'camera', streams: ['small', 'large'] }],
    received: [{ id: 'bobs-voice', identity: 'bob', source: 'microphone' }],
  };
}

function after(seconds: number, change: (sample: Sample) => Sample = (same) => same) {
  let last = figuresOf(sample(1), null, null);
  for (let at = 2; at <= seconds + 1; at++) last = figuresOf(change(sample(at)), change(sample(at - 1)), last);
  return last;
}

it('the first look knows the way, and no rates yet', () => {
  const figures = figuresOf(sample(1), null, null);
  expect(figures).toMatchObject({ transport: 'udp', roundTrip: 42, up: { bitrate: 0, loss: 0 }, down: { bitrate: 0 } });
  expect(figures.sent[0]).toMatchObject({ isStopped: false });
});

it('the second has rates: of a camera that is sent in two sizes the sum, and the larger picture', () => {
  const { up, down, sent, received } = after(1);
  expect(up).toEqual({ bitrate: 500_000, loss: 0.1 });
  expect(sent).toMatchObject([
    { source: 'camera', codec: 'VP8', bitrate: 500_000, width: 640, height: 320, framesPerSecond: 30 },
  ]);
  expect(down.bitrate).toBe(32_000);
  expect(down.loss).toBeCloseTo(1 / 51);
  expect(received).toMatchObject([{ identity: 'bob', source: 'microphone', kind: 'audio', codec: 'opus' }]);
});

it('loss is what the other side says of its last report, which of sound covers five seconds', () => {
  const told = (from: Sample) => ({
    ...from,
    publisher: from.publisher.map((one) => (one.id === 'R' ? { ...one, fractionLost: 0.04, packetsLost: 9_000 } : one)),
  });
  expect(after(1, told).up.loss).toBe(0.04);
});

it('what the browser aims at is the sum of the sizes that still have a target', () => {
  const aiming = (from: Sample) => ({
    ...from,
    publisher: from.publisher.map((one) => (one.id === 'small' ? { ...one, targetBitrate: 30_000 } : one)),
  });
  expect(after(1, aiming).sent[0]).toMatchObject({ target: 30_000 });
  expect(after(1).sent[0]).toMatchObject({ target: null });
});

it('counters that began anew are no rates below nothing', () => {
  const { up, down } = figuresOf(sample(1), sample(9), null);
  expect([up.bitrate, down.bitrate, down.loss]).toEqual([0, 0, 0]);
});

describe('what holds a camera back', () => {
  const limited = (reason: string) => (from: Sample) => ({
    ...from,
    publisher: from.publisher.map((one) => (one.id === 'large' ? { ...one, qualityLimitationReason: reason } : one)),
  });
  const silent = (from: Sample) => ({
    ...from,
    publisher: from.publisher.map((one) => (one.type === 'outbound-rtp' ? { ...one, bytesSent: 7 } : one)),
  });

  it('is counted in looks', () => {
    expect(after(3, limited('bandwidth')).sent[0]).toMatchObject({ limit: 'bandwidth', limitedFor: 3 });
    expect(after(2, limited('cpu')).sent[0]).toMatchObject({ limit: 'cpu', limitedFor: 2 });
    expect(after(2).sent[0]).toMatchObject({ limit: 'none', limitedFor: 0 });
  });

  it('may stop it, which is not the case if nobody wants it', () => {
    expect(after(2, silent).sent[0]).toMatchObject({ isStopped: true });
    const unwanted = (from: Sample) => ({
      ...silent(from),
      publisher: silent(from).publisher.map((one) => ({ ...one, active: false })),
    });
    expect(after(2, unwanted).sent[0]).toMatchObject({ isStopped: false });
  });
});

it.each([
  [{ candidateType: 'host', protocol: 'tcp' }, 'tcp'],
  [{ candidateType: 'srflx', protocol: 'udp' }, 'udp'],
  [{ candidateType: 'relay', protocol: 'udp', relayProtocol: 'udp' }, 'relay-udp'],
  [{ candidateType: 'relay', protocol: 'udp', relayProtocol: 'tcp' }, 'relay-tcp'],
  [{ candidateType: 'relay', protocol: 'udp', relayProtocol: 'tls' }, 'relay-tls'],
])('%o is the way %s', (candidate, way) => {
  const { subscriber, ...rest } = sample(1);
  const changed = subscriber.map((one) => (one.id === 'L' ? { ...one, ...candidate } : one));
  expect(figuresOf({ ...rest, subscriber: changed }, null, null).transport).toBe(way);
});

it('a browser that tells of no transport marks the pair', () => {
  const { subscriber, ...rest } = sample(1);
  const marked = subscriber.flatMap((one) =>
    one.type === 'transport' ? [] : one.id === 'P' ? [{ ...one, selected: true }] : [one],
  );
  expect(figuresOf({ ...rest, publisher: [], subscriber: marked }, null, null)).toMatchObject({
    transport: 'udp',
    roundTrip: 42,
  });
});
