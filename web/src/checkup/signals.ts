// What a test sends: a picture and a tone that are made here, noise that no codec can make small, or the person's own devices.
import { constraintsFor } from '../media/capture';
import { ownDevices } from '../media/own-devices';
import { problemOf, type DeviceProblem } from '../media/problems';

export interface Signal {
  track: MediaStreamTrack;
  stop: () => void;
}

/** A test picture with something that moves. */
export function testPicture(): Signal {
  return drawn(640, 360, 15, (context, frame) => {
    const { width, height } = context.canvas;
    ['#0f6b5f', '#8a5300', '#1c6b35', '#b3261e', '#5a5b62'].forEach((colour, bar, all) => {
      context.fillStyle = colour;
      context.fillRect((bar * width) / all.length, 0, width / all.length + 1, height);
    });
    context.fillStyle = '#ffffff';
    context.fillRect((frame * 9) % width, 0, 12, height);
  });
}

/** A picture that fills whatever bitrate it is given: noise, never the same. */
export function noisePicture(): Signal {
  const [width, height] = [640, 360];
  // Made once; moved about, it is new to the encoder and nearly free for us.
  const noise = new ImageData(width * 2, height * 2);
  const words = new Uint32Array(noise.data.buffer);
  for (let index = 0; index < words.length; index++) words[index] = (Math.random() * 0xffffffff) | 0xff000000;
  const sheet = new OffscreenCanvas(width * 2, height * 2);
  sheet.getContext('2d')?.putImageData(noise, 0, 0);
  return drawn(width, height, 30, (context) =>
    context.drawImage(sheet, -Math.random() * width, -Math.random() * height),
  );
}

/** A quiet tone. */
export function testTone(): Signal {
  const context = new AudioContext();
  void context.resume();
  const out = new MediaStreamAudioDestinationNode(context);
  const tone = new OscillatorNode(context, { frequency: 523 });
  tone.connect(new GainNode(context, { gain: 0.2 })).connect(out);
  tone.start();
  const [track] = out.stream.getAudioTracks();
  if (!track) throw new Error('the browser makes no audio track');
  return {
    track,
    stop: () => {
      track.stop();
      void context.close();
    },
  };
}

/** The person's own device of a kind, as a call would open it; a problem where that is not to be had. */
export async function ownDevice(kind: 'camera' | 'microphone'): Promise<Signal | DeviceProblem> {
  const media = ownDevices();
  if (!media) return 'insecure';
  try {
    const stream = await media.getUserMedia(constraintsFor(kind));
    const [track] = stream.getTracks();
    return track ? { track, stop: () => track.stop() } : 'busy';
  } catch (error) {
    return problemOf(error);
  }
}

function drawn(
  width: number,
  height: number,
  fps: number,
  draw: (context: CanvasRenderingContext2D, frame: number) => void,
): Signal {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  const context = canvas.getContext('2d');
  const [track] = canvas.captureStream(fps).getVideoTracks();
  if (!context || !track) throw new Error('the browser makes no picture of a canvas');
  let frame = 0;
  draw(context, frame);
  // A timer and not requestAnimationFrame, which sleeps in a tab behind another.
  const timer = setInterval(() => draw(context, ++frame), 1000 / fps);
  return {
    track,
    stop: () => {
      clearInterval(timer);
      track.stop();
    },
  };
}
