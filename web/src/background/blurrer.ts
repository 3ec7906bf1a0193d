// Makes a blurred track of a camera's: frames go to the worker, what comes back is drawn on a canvas, and the canvas is the track. The one
// way that Chromium, Firefox and Safari have in common. Until the first blurred frame the track shows nothing, and if frames stop
// coming it stands still: nothing but blurred frames is ever drawn.
import type { FromWorker, ToWorker } from './messages';

export interface BlurEvents {
  /** The first blurred frame of a source is on the track. */
  shown(): void;
  failed(reason: string): void;
}

/** Loading takes seconds on a slow line, a frame a tenth of one on a slow machine: later than this, something is broken. */
const LONGEST_LOAD = 60_000;
const LONGEST_FRAME = 15_000;

export class Blurrer {
  readonly #worker = new Worker(new URL('./blur.worker.ts', import.meta.url), { type: 'module' });
  readonly #video = Object.assign(document.createElement('video'), { muted: true, playsInline: true });
  readonly #events: BlurEvents;
  #canvas: HTMLCanvasElement | null = null;
  #track: MediaStreamTrack | null = null;
  /** Of the camera's, a copy: what is muted in a call is disabled, and gives black. */
  #source: MediaStreamTrack | null = null;
  /** Counts sources and ends: a frame of an earlier one is not drawn. */
  #turn = 0;
  #isShown = false;
  #isAsked = false;
  #timer: ReturnType<typeof setTimeout>;

  constructor(events: BlurEvents) {
    this.#events = events;
    this.#timer = setTimeout(() => this.#fail('it does not load'), LONGEST_LOAD);
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#hear(data);
    this.#worker.onerror = (event) => this.#fail(event.message || 'its worker does not load');
  }

  /** Blurs this camera from now on. While one follows the other the track stays the same. */
  from(source: MediaStreamTrack): MediaStreamTrack {
    if (!this.#track) {
      this.#canvas = document.createElement('canvas');
      // Before `captureStream`, which gives no track of a canvas without a context.
      this.#canvas.getContext('2d');
      const [track] = this.#canvas.captureStream().getVideoTracks();
      if (!track) throw new Error('the canvas gave no track');
      this.#track = track;
      this.#turn++;
      this.#isShown = false;
    }
    this.#source?.stop();
    this.#source = source.clone();
    this.#source.enabled = true;
    this.#video.srcObject = new MediaStream([this.#source]);
    // A new source while the last still started: the browser says so by a refusal, and the new one plays.
    this.#video.play().catch(() => undefined);
    if (this.#isAsked) this.#answer();
    return this.#track;
  }

  /** The camera is off: no work until the next source. */
  rest(): void {
    this.#turn++;
    this.#track?.stop();
    this.#source?.stop();
    this.#source = null;
    this.#track = null;
    this.#canvas = null;
    this.#video.srcObject = null;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.rest();
    this.#worker.terminate();
  }

  #hear(message: FromWorker): void {
    switch (message.type) {
      case 'next':
        clearTimeout(this.#timer);
        this.#isAsked = true;
        if (this.#track) this.#answer();
        break;
      case 'picture':
        clearTimeout(this.#timer);
        if (message.turn === this.#turn) this.#draw(message.picture);
        message.picture.close();
        break;
      case 'failed':
        this.#fail(message.reason);
    }
  }

  #answer(): void {
    this.#isAsked = false;
    const turn = this.#turn;
    if (this.#video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || this.#video.videoWidth === 0) {
      this.#say({ type: 'none' });
      return;
    }
    createImageBitmap(this.#video).then(
      (frame) => {
        this.#timer = setTimeout(() => this.#fail('it no longer answers'), LONGEST_FRAME);
        this.#say({ type: 'frame', frame, turn }, [frame]);
      },
      // The source has just gone: the next question finds the next one.
      () => this.#say({ type: 'none' }),
    );
  }

  #draw(picture: ImageBitmap): void {
    const context = this.#canvas?.getContext('2d');
    if (!context) return;
    const { width, height } = picture;
    if (context.canvas.width !== width || context.canvas.height !== height) {
      Object.assign(context.canvas, { width, height });
    }
    context.drawImage(picture, 0, 0);
    if (this.#isShown) return;
    this.#isShown = true;
    this.#events.shown();
  }

  #say(message: ToWorker, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #fail(reason: string): void {
    this.close();
    this.#events.failed(reason);
  }
}
