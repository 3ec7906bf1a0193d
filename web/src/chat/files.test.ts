// jsdom's blobs cannot be read.
import { Blob as NodeBlob, File as NodeFile } from 'node:buffer';
import { RpcError, type Room } from 'livekit-client';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Files, transferKey } from './files';
import type { FileOffer } from './offer';

interface Stream {
  name: string;
  totalSize: number;
  destinationIdentities: string[];
  attributes: Record<string, string>;
}

interface Call {
  payload: string;
  callerIdentity: string;
}

type Take = (reader: unknown, from: { identity: string }) => void;

/** Rooms of people that are wired to each other: RPCs and byte streams reach the named one. */
class Wire {
  readonly answer = new Map<string, (call: Call) => Promise<string>>();
  readonly take = new Map<string, Take>();
  readonly asked: string[] = [];
  /** Bytes that get lost of each stream. */
  lost = 0;

  room(identity: string): Room {
    return {
      registerRpcMethod: (_: string, answer: (call: Call) => Promise<string>) => this.answer.set(identity, answer),
      unregisterRpcMethod: () => this.answer.delete(identity),
      registerByteStreamHandler: (topic: string, take: Take) => this.take.set(`${identity} ${topic}`, take),
      unregisterByteStreamHandler: (topic: string) => this.take.delete(`${identity} ${topic}`),
      localParticipant: {
        performRpc: ({ destinationIdentity, payload }: { destinationIdentity: string; payload: string }) => {
          this.asked.push(payload);
          const answer = this.answer.get(destinationIdentity);
          if (!answer) return Promise.reject(new RpcError(RpcError.ErrorCode.RECIPIENT_NOT_FOUND, 'not found'));
          return answer({ payload, callerIdentity: identity });
        },
        streamBytes: (stream: Stream) => {
          const sent: Uint8Array[] = [];
          return Promise.resolve({
            write: (bytes: Uint8Array) => Promise.resolve(void sent.push(bytes.slice(this.lost))),
            close: () => {
              for (const to of stream.destinationIdentities) this.send(identity, to, stream, sent);
              return Promise.resolve();
            },
          });
        },
      },
    } as unknown as Room;
  }

  send(
    from: string,
    to: string,
    { name, totalSize, attributes }: Omit<Stream, 'destinationIdentities'>,
    sent: Uint8Array[],
  ): void {
    async function* read() {
      await Promise.resolve();
      yield* sent;
    }
    const info = { id: 's', name, mimeType: 'text/html', size: totalSize, attributes };
    this.take.get(`${to} lk.files`)?.(Object.assign(read(), { info }), { identity: from });
  }
}

const SIZE = (1 << 20) * 2 + 17;
const BYTES = Uint8Array.from({ length: SIZE }, (_, index) => index % 251);
let wire: Wire;
let alice: Files, bob: Files;
let offer: FileOffer;
let made: Blob[];
const revoked = vi.fn();
const transfer = () => bob.transfers.get().get(transferKey('alice', offer));

beforeEach(() => {
  made = [];
  vi.stubGlobal('Blob', NodeBlob);
  revoked.mockReset();
  vi.stubGlobal(
    'URL',
    Object.assign(URL, { createObjectURL: (blob: Blob) => `blob:${made.push(blob)}`, revokeObjectURL: revoked }),
  );
  wire = new Wire();
  [alice, bob] = [new Files(), new Files()];
  alice.attach(wire.room('alice'));
  bob.attach(wire.room('bob'));
  offer = alice.offer(new NodeFile([BYTES], 'page.html', { type: 'text/html' }) as unknown as File);
});

describe('getting a file', () => {
  it('brings it whole, part by part, as bytes that run nowhere', async () => {
    const progress: number[] = [];
    bob.transfers.subscribe(() => {
      const now = transfer();
      if (now?.state === 'loading') progress.push(now.progress);
    });
    await bob.fetch('alice', offer);
    expect(transfer()?.state).toBe('ready');
    expect(wire.asked).toHaveLength(3);
    expect(progress[0]).toBe(0);
    expect(progress.at(-1)).toBe(1);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect([made[0]?.size, made[0]?.type]).toEqual([SIZE, 'application/octet-stream']);
  });

  it('ends when it is cancelled, and nothing more is asked for', async () => {
    const stop = bob.transfers.subscribe(() => {
      const now = transfer();
      if (now?.state === 'loading' && now.progress > 0.3) {
        stop();
        bob.cancel(transferKey('alice', offer));
      }
    });
    await bob.fetch('alice', offer);
    expect(transfer()).toBeUndefined();
    expect(wire.asked).toHaveLength(1);
    expect(made).toEqual([]);
  });

  it('that is not offered any more, or by somebody who has left, is told so', async () => {
    alice.withdraw(offer.id);
    await bob.fetch('alice', offer);
    expect(transfer()).toEqual({ state: 'failed', problem: 'No longer shared.' });
    await bob.fetch('carol', offer);
    const left = bob.transfers.get().get(transferKey('carol', offer));
    expect(left).toEqual({ state: 'failed', problem: 'Who shared it has left.' });
  });

  it('that does not come whole is no file', async () => {
    wire.lost = 1;
    await bob.fetch('alice', offer);
    expect(transfer()).toMatchObject({ state: 'failed', problem: expect.stringMatching(/not come whole/) as string });
    expect(made).toEqual([]);
  });

  it('is not mistaken for somebody else’s of the same id', async () => {
    await bob.fetch('alice', offer);
    expect(bob.transfers.get().get(transferKey('mallory', offer))).toBeUndefined();
  });

  it('keeps nothing after leaving', async () => {
    await bob.fetch('alice', offer);
    bob.reset();
    expect(revoked).toHaveBeenCalledWith('blob:1');
    expect(bob.transfers.get().size).toBe(0);
    alice.reset();
    await bob.fetch('alice', offer);
    expect(transfer()?.state).toBe('failed');
  });
});

describe('a file that comes unasked', () => {
  const unasked = vi.fn();
  const send = (totalSize: number, bytes: number) => {
    wire.send('python', 'bob', { name: 'x.bin', totalSize, attributes: {} }, [new Uint8Array(bytes)]);
    return new Promise((resolve) => setTimeout(resolve, 5));
  };

  beforeEach(() => {
    unasked.mockReset();
    bob.onUnasked = unasked;
  });

  it('is taken if it says its size and keeps to it', async () => {
    await send(10, 10);
    expect(unasked).toHaveBeenCalledWith({
      identity: 'python',
      offer: { id: 's', name: 'x.bin', size: 10, type: 'text/html' },
    });
  });

  it.each([
    [0, 10],
    [25_000_001, 10],
    [10, 11],
  ])('is not taken if it says %i bytes and brings %i', async (says, brings) => {
    await send(says, brings);
    expect(unasked).not.toHaveBeenCalled();
  });
});

it('only so many parts are given at a time', async () => {
  const answer = wire.answer.get('alice');
  if (!answer) throw new Error('nobody answers');
  const ask = (callerIdentity: string) =>
    answer({ payload: JSON.stringify({ id: offer.id, from: 0 }), callerIdentity });
  const given = async (asks: Promise<string>[]) =>
    (await Promise.allSettled(asks)).filter(({ status }) => status === 'fulfilled').length;
  expect(await given(['a', 'b', 'c', 'd', 'e'].flatMap((caller) => [ask(caller), ask(caller), ask(caller)]))).toBe(8);
  await vi.waitFor(async () => expect(await given([ask('a'), ask('a'), ask('a')])).toBe(2));
});
