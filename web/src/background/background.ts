// The own camera as others may see it: as it is, or with a blurred background if the person wants that. Once blur is wanted, a track
// that is not blurred leaves here only by the person's own word: while it loads there is no picture, and if it fails the camera goes off.
import { Store, type Readable } from '../state/store';
import type { CaptureState } from '../media/capture';
import type { BlurEvents } from './blurrer';
import { canBlur } from './support';

const KEY = 'visavis.background';
const OFF: CaptureState = { status: 'off' };

export interface BlurSource {
  from(source: MediaStreamTrack): MediaStreamTrack;
  rest(): void;
  close(): void;
}

export type MakeBlur = (events: BlurEvents) => Promise<BlurSource>;

/** Fetched when blur is first wanted. */
const makeBlur: MakeBlur = async (events) => {
  if (!canBlur()) throw new Error('this browser cannot do it');
  const { Blurrer } = await import('./blurrer');
  return new Blurrer(events);
};

export class Background {
  readonly isBlurred: Store<boolean>;
  /** Why there is no picture: blur was wanted and could not be. */
  readonly failure = new Store<string | null>(null);
  /** The camera as it may be shown and sent. */
  readonly picture = new Store<CaptureState>(OFF);
  readonly #camera: Readable<CaptureState>;
  readonly #storage: Storage | null;
  readonly #make: MakeBlur;
  #blur: BlurSource | null = null;
  #isLoading = false;
  #isShown = false;
  /** Counts blurs: one that is loaded too late is not used. */
  #turn = 0;

  constructor(camera: Readable<CaptureState>, storage: Storage | null, make: MakeBlur = makeBlur) {
    this.#camera = camera;
    this.#storage = storage;
    this.#make = make;
    this.isBlurred = new Store(storage?.getItem(KEY) === 'blur');
    camera.subscribe(() => this.#update());
    this.#update();
  }

  setBlurred(blurred: boolean): void {
    this.#storage?.setItem(KEY, blurred ? 'blur' : 'none');
    this.failure.set(null);
    if (blurred === this.isBlurred.get()) return;
    this.isBlurred.set(blurred);
    // What is sent now is not blurred: it ends before anything else.
    if (blurred) this.picture.set(OFF);
    this.#update();
  }

  #update(): void {
    const camera = this.#camera.get();
    if (!this.isBlurred.get()) {
      this.picture.set(camera);
      this.#end();
      return;
    }
    if (camera.status !== 'live') {
      this.#isShown = false;
      this.#blur?.rest();
      this.picture.set(camera);
      return;
    }
    if (this.#blur) this.#show(this.#blur, camera);
    else {
      this.picture.set({ status: 'starting' });
      void this.#load();
    }
  }

  #show(blur: BlurSource, camera: Extract<CaptureState, { status: 'live' }>): void {
    const track = blur.from(camera.track);
    if (this.#isShown) this.picture.set({ ...camera, track });
    else this.picture.set({ status: 'starting' });
  }

  async #load(): Promise<void> {
    if (this.#isLoading) return;
    this.#isLoading = true;
    this.failure.set(null);
    const turn = ++this.#turn;
    const mine = (run: () => void) => () => {
      if (turn === this.#turn) run();
    };
    try {
      const blur = await this.#make({
        shown: mine(() => {
          this.#isShown = true;
          this.#update();
        }),
        failed: (reason) => mine(() => this.#failed(reason))(),
      });
      if (turn === this.#turn) this.#blur = blur;
      else blur.close();
    } catch (error) {
      if (turn === this.#turn) this.#failed(error instanceof Error ? error.message : String(error));
      return;
    }
    if (turn !== this.#turn) return;
    this.#isLoading = false;
    this.#update();
  }

  #failed(reason: string): void {
    this.#end();
    this.picture.set(OFF);
    this.failure.set(reason);
  }

  #end(): void {
    this.#turn++;
    this.#isLoading = false;
    this.#isShown = false;
    this.#blur?.close();
    this.#blur = null;
  }
}
