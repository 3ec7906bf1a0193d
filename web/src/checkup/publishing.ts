// Sends a picture and a sound at once, says whether both come back, and plays the sound.
import type { LocalTrackPublication, RemoteTrack } from 'livekit-client';
import { countsOf, type Counts } from './counts';
import type { Arrival, Published } from './judge';
import type { Pair } from './pair';
import { playBack } from './playback';
import { ownDevice, testPicture, testTone, type Signal } from './signals';
import { pause } from './waiting';

/** The person's devices, or what is made here. */
export type Sources = 'own' | 'test';

export interface Progress {
  published: (published: Published) => void;
  hearing: (from: Sources) => void;
  level: (level: number) => void;
  /** The loudest level that came back; null if no sound did. */
  heard: (loudest: number | null, isOwn: boolean) => void;
}

const ARRIVES_WITHIN = 8_000;
/** ms that the person has to say something; a tone needs less. */
const LISTENING = { own: 8_000, test: 3_000 } as const;

export async function publishBoth(
  pair: Pair,
  sources: Sources,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  const own = sources === 'own';
  // One after the other: browsers that ask for both ask twice, and each answer counts by itself.
  const microphone = own ? await ownDevice('microphone') : null;
  const camera = own ? await ownDevice('camera') : null;
  const sound = isSignal(microphone) ? microphone : testTone();
  const picture = isSignal(camera) ? camera : testPicture();
  try {
    signal.throwIfAborted();
    await pair.publish(sound.track, {}, (soundSent, soundArrives) =>
      pair.publish(picture.track, {}, async (pictureSent, pictureArrives) => {
        const [heard, seen] = await Promise.all([
          follow(soundSent, soundArrives, ({ packetsReceived }) => packetsReceived > 0, signal),
          follow(pictureSent, pictureArrives, ({ framesDecoded }) => framesDecoded > 0, signal),
        ]);
        const { width = 0, height = 0 } = picture.track.getSettings();
        progress.published({
          own,
          camera: problemIn(camera),
          microphone: problemIn(microphone),
          sound: heard.arrival,
          picture: seen.arrival,
          width,
          height,
        });
        if (heard.arrival === 'arrived' && heard.track) {
          await listen(heard.track.mediaStreamTrack, isSignal(microphone) ? 'own' : 'test', signal, progress);
        }
      }),
    );
  } finally {
    sound.stop();
    picture.stop();
  }
}

async function listen(track: MediaStreamTrack, from: Sources, signal: AbortSignal, progress: Progress): Promise<void> {
  let loudest = 0;
  progress.hearing(from);
  const stop = playBack(track, from === 'own' ? 1 : 0.3, (level) => {
    loudest = Math.max(loudest, level);
    progress.level(level);
  });
  try {
    await pause(LISTENING[from], signal);
  } finally {
    stop();
    progress.level(0);
  }
  progress.heard(loudest, from === 'own');
}

/** How far a track comes, and what comes of it. */
async function follow(
  sent: LocalTrackPublication,
  arrives: Promise<RemoteTrack | null>,
  isThere: (counts: Counts) => boolean,
  signal: AbortSignal,
): Promise<{ arrival: Arrival; track: RemoteTrack | null }> {
  const end = performance.now() + ARRIVES_WITHIN;
  const track = await arrives;
  while (track && performance.now() < end) {
    if (isThere(countsOf(await track.getRTCStatsReport()))) return { arrival: 'arrived', track };
    await pause(100, signal);
  }
  signal.throwIfAborted();
  const { bytesSent } = countsOf(await sent.track?.getRTCStatsReport());
  return { arrival: bytesSent > 0 ? 'not-arrived' : 'not-sent', track };
}

function isSignal(value: Signal | string | null): value is Signal {
  return typeof value === 'object' && value !== null;
}

function problemIn<T extends string>(value: Signal | T | null): T | null {
  return typeof value === 'string' ? value : null;
}
