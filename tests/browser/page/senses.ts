/**
 * Eyes and ears inside a page: how many frames a `<video>` has shown, what colour its middle is, which pitch a stream carries.
 * They look only at media elements, so they serve the harness and the real page alike.
 */
import { nearestColour, type Colour } from './palette.ts';

/** What one `<video>` shows now. */
export interface Sight {
  frames: number;
  colour: Colour | null;
  rgb: [number, number, number] | null;
  width: number;
}

/** What one stream sounds like now: the strongest pitch and its level in dB (silence is below -90). */
export interface Sound {
  hz: number;
  db: number;
}

export class Senses {
  readonly #frames = new WeakMap<HTMLVideoElement, { count: number }>();
  readonly #ears = new WeakMap<MediaStreamTrack, AnalyserNode>();
  readonly #canvas = new OffscreenCanvas(8, 8);
  #audio: AudioContext | undefined;

  /** Looks at a video. Frames count from the first look. */
  see(video: HTMLVideoElement): Sight {
    let seen = this.#frames.get(video);
    if (!seen) {
      const counter = { count: 0 };
      const next = () => {
        counter.count += 1;
        video.requestVideoFrameCallback(next);
      };
      video.requestVideoFrameCallback(next);
      this.#frames.set(video, counter);
      seen = counter;
    }
    const rgb = this.#sample(video);
    return { frames: seen.count, rgb, colour: rgb && nearestColour(rgb), width: video.videoWidth };
  }

  /** Listens to a stream's first audio track. The first calls answer silence, until the analyser has filled. */
  hear(stream: MediaStream): Sound {
    const track = stream.getAudioTracks()[0];
    if (!track || track.readyState !== 'live') return { hz: 0, db: -Infinity };
    this.#audio ??= new AudioContext({ sampleRate: 48_000 });
    void this.#audio.resume();
    let ear = this.#ears.get(track);
    if (!ear) {
      ear = new AnalyserNode(this.#audio, { fftSize: 8192, smoothingTimeConstant: 0 });
      new MediaStreamAudioSourceNode(this.#audio, { mediaStream: new MediaStream([track]) }).connect(ear);
      this.#ears.set(track, ear);
    }
    const bins = new Float32Array(ear.frequencyBinCount);
    ear.getFloatFrequencyData(bins);
    let loudest = 0;
    for (let bin = 1; bin < bins.length; bin++)
      if ((bins[bin] ?? -Infinity) > (bins[loudest] ?? -Infinity)) loudest = bin;
    return { hz: (loudest * this.#audio.sampleRate) / ear.fftSize, db: bins[loudest] ?? -Infinity };
  }

  #sample(video: HTMLVideoElement): [number, number, number] | null {
    if (video.videoWidth === 0 || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return null;
    const context = this.#canvas.getContext('2d', { willReadFrequently: true });
    if (!context) return null;
    const { videoWidth: w, videoHeight: h } = video;
    context.drawImage(video, w * 0.4, h * 0.4, w * 0.2, h * 0.2, 0, 0, 8, 8);
    const [r = 0, g = 0, b = 0] = context.getImageData(4, 4, 1, 1).data;
    return [r, g, b];
  }
}
