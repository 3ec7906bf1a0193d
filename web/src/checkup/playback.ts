// Plays what came back from the server a moment later, so that one's own voice is told from the echo in the room, and says how
// loud it is.
import { watchAnalyser } from '../media/level';

/** Seconds: longer than a word, shorter than patience. */
const DELAY = 1.2;

/** Until the returned function is called. */
export function playBack(track: MediaStreamTrack, gain: number, onLevel: (level: number) => void): () => void {
  const stream = new MediaStream([track]);
  // Chromium brings nothing of a remote track into a context unless some element plays it as well.
  const puller = new Audio();
  puller.muted = true;
  puller.srcObject = stream;
  void puller.play().catch(() => undefined);
  const context = new AudioContext();
  void context.resume();
  const source = context.createMediaStreamSource(stream);
  const analyser = new AnalyserNode(context, { fftSize: 2048 });
  source.connect(analyser);
  source
    .connect(new DelayNode(context, { delayTime: DELAY, maxDelayTime: DELAY + 1 }))
    .connect(new GainNode(context, { gain }))
    .connect(context.destination);
  const stop = watchAnalyser(analyser, onLevel);
  return () => {
    stop();
    puller.srcObject = null;
    void context.close();
  };
}
