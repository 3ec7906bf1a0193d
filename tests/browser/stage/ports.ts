/** The ports of these tests, all on loopback: a block of them that no other run on this machine has. */
import { once } from 'node:events';
import { createServer } from 'node:net';

const [FIRST, SIZE, END] = [17_000, 1000, 32_000];

/** The first port of a block. Its last one, open as long as this process lives, tells other runs that it is taken. */
async function claim(): Promise<number> {
  for (let first = FIRST; first < END; first += SIZE) {
    const holder = createServer().unref();
    try {
      holder.listen({ host: '127.0.0.1', port: first + SIZE - 1, exclusive: true });
      await once(holder, 'listening');
      return first;
    } catch {
      holder.close();
    }
  }
  throw new Error(`no block of ${SIZE} ports is free from ${FIRST} on: end other runs of these tests`);
}

const BASE = (await claim()) + 700;

export const PORTS = {
  visavis: { http: BASE, tcp: BASE + 1, udp: BASE + 2 },
  livekit: { http: BASE + 10, tcp: BASE + 11, udp: BASE + 12 },
  harness: BASE + 20,
  proxy: BASE + 30,
  mediaProxy: BASE + 31,
  hosts: [BASE + 40, BASE + 41],
  gallery: BASE + 50,
} as const;
