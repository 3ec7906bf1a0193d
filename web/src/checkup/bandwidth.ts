// How much goes up and comes back down in a few seconds, with noise as the picture. What comes down is what was sent up, so a
// download that is wider than the upload is known only to be at least that.
import { countsOf } from './counts';
import type { Pair } from './pair';
import { noisePicture } from './signals';
import { pause } from './waiting';

/** More than a call needs. Who gets this far has enough. */
export const MOST = 6_000_000;
export const SECONDS = 8;
const EVERY = 500;
/** The best of so many looks in a row counts, because senders begin low and try their way up. */
const WINDOW = 4;

export interface Bandwidth {
  /** Bits per second. */
  up: number;
  down: number;
}

export interface Look {
  /** ms */
  at: number;
  sent: number;
  received: number;
  loss: number;
}

export async function measureBandwidth(
  pair: Pair,
  signal: AbortSignal,
  onLook: (now: Bandwidth) => void,
): Promise<Bandwidth> {
  const noise = noisePicture();
  try {
    return await pair.publish(noise.track, { maxBitrate: MOST }, async (sent, arrives) => {
      const looks: Look[] = [];
      const end = performance.now() + SECONDS * 1000;
      let remote: Awaited<typeof arrives> = null;
      void arrives.then((track) => (remote = track));
      while (performance.now() < end) {
        await pause(EVERY, signal);
        const [out, back] = await Promise.all([
          sent.track?.getRTCStatsReport(),
          (remote as Awaited<typeof arrives>)?.getRTCStatsReport(),
        ]);
        const [up, down] = [countsOf(out), countsOf(back)];
        looks.push({ at: performance.now(), sent: up.bytesSent, received: down.bytesReceived, loss: up.lossSent });
        onLook(bandwidthOf(looks));
      }
      return bandwidthOf(looks);
    });
  } finally {
    noise.stop();
  }
}

/** The best stretch of what was counted, in each direction. What was lost did not get through. */
export function bandwidthOf(looks: readonly Look[]): Bandwidth {
  const best = { up: 0, down: 0 };
  for (let index = 1; index < looks.length; index++) {
    const [from, to] = [looks[Math.max(0, index - WINDOW)], looks[index]];
    if (!from || !to || to.at <= from.at) continue;
    const rate = (bytes: number) => Math.max(0, (bytes * 8_000) / (to.at - from.at));
    best.up = Math.max(best.up, rate(to.sent - from.sent) * (1 - to.loss));
    best.down = Math.max(best.down, rate(to.received - from.received));
  }
  return best;
}
