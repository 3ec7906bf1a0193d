import { describe, expect, it } from 'vitest';
import { faceOf, screenOf } from '../stage/tiles-for-tests';
import type { Figures, SentStream } from './figures';
import { findingsOf, type Situation } from './findings';

const CAMERA: SentStream = {
  source: 'camera',
  kind: 'video',
  codec: 'VP8',
  bitrate: 900_000,
  loss: 0,
  width: 640,
  height: 360,
  framesPerSecond: 30,
  limit: 'none',
  limitedFor: 0,
  target: null,
  isStopped: false,
};
const FINE: Figures = {
  transport: 'udp',
  roundTrip: 20,
  up: { bitrate: 900_000, loss: 0 },
  down: { bitrate: 900_000, loss: 0.002 },
  sent: [CAMERA],
  received: [],
};
const ME = faceOf('me', { isLocal: true });
const BOB = faceOf('bob', { name: 'Bob' });

function texts(figures: Partial<Figures> | null, tiles: Situation['tiles'] = [ME, BOB]): string[] {
  const situation: Situation = { connection: 'connected', tiles, figures: figures && { ...FINE, ...figures } };
  return findingsOf(situation).map(({ text }) => text);
}

const sent = (more: Partial<SentStream>): Partial<Figures> => ({ sent: [{ ...CAMERA, limitedFor: 9, ...more }] });

it('nothing is said of a good connection, nor of one that is not measured yet', () => {
  expect(texts({})).toEqual([]);
  expect(texts(null)).toEqual([]);
});

it('a lost connection is all there is to say', () => {
  expect(findingsOf({ connection: 'reconnecting', tiles: [], figures: FINE })).toMatchObject([{ tone: 'bad' }]);
});

it('a picture that the page itself does not send is said, and nothing else of it', () => {
  const situation: Situation = {
    connection: 'connected',
    tiles: [ME, BOB],
    figures: { ...FINE, sent: [{ ...CAMERA, limit: 'bandwidth', limitedFor: 9 }] },
    isVideoPaused: true,
  };
  expect(findingsOf(situation)).toEqual([{ tone: 'bad', text: 'Your upload is weak: your video is paused.' }]);
});

describe('of the upload', () => {
  it.each([
    [{ limit: 'bandwidth', isStopped: true }, 'Your upload is weak: your video is paused.'],
    [{ limit: 'bandwidth' }, 'Your upload is weak: your video is sent smaller than it could be.'],
    [
      { limit: 'bandwidth', source: 'screen_share', isStopped: true },
      'Your upload is weak: the screen you share is paused.',
    ],
    [{ limit: 'cpu' }, 'This device is busy: your video is sent smaller than it could be.'],
  ] as const)('%o is told so', (stream, text) => {
    expect(texts(sent(stream))).toEqual([text]);
  });

  it('nothing is said while a stream still grows', () => {
    expect(texts(sent({ limit: 'bandwidth', limitedFor: 2 }))).toEqual([]);
  });

  it('loss is told', () => {
    expect(texts({ up: { bitrate: 1, loss: 0.08 } })).toEqual([
      'Your upload loses packets: others may hear you broken up.',
    ]);
  });
});

describe('of the download', () => {
  it('paused pictures are told by name, and counted if they are many', () => {
    const paused = (name: string) => faceOf(name, { isPaused: true });
    expect(texts({}, [ME, { ...BOB, isPaused: true }])).toEqual(['Your download is weak: Bob’s video is paused.']);
    expect(texts({}, [screenOf('Eve', { isPaused: true }), { ...BOB, isPaused: true }])).toEqual([
      'Your download is weak: Eve’s screen and Bob’s video are paused.',
    ]);
    expect(texts({}, ['A', 'B', 'C', 'D', 'E'].map(paused))).toEqual([
      'Your download is weak: A’s video, B’s video and 3 other pictures are paused.',
    ]);
  });

  it('loss is told', () => {
    expect(texts({ down: { bitrate: 1, loss: 0.12 } })[0]).toMatch(/^Your download loses packets/);
  });
});

it('others whose connection is poor or lost are named', () => {
  const poor = (name: string) => faceOf(name, { quality: 'poor' });
  expect(texts({}, [ME, { ...BOB, quality: 'poor' }])).toEqual(['The connection of Bob is poor.']);
  expect(texts({}, [poor('A'), poor('B'), { ...BOB, quality: 'lost' }])).toEqual([
    'The connection of Bob is lost.',
    'The connections of A and B are poor.',
  ]);
  expect(texts({}, [{ ...ME, quality: 'poor' }, BOB])).toEqual([]);
});

it.each([
  ['tcp', /^You are connected over TCP: this network seems to block UDP/],
  ['relay-udp', /through a relay \(TURN\)/],
  ['relay-tls', /through a relay over TLS/],
] as const)('a connection by %s is told', (transport, text) => {
  expect(texts({ transport })[0]).toMatch(text);
});

it('a long way is told', () => {
  expect(texts({ roundTrip: 512.3 })[0]).toMatch(/^The way to the server is long/);
});
