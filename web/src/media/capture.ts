// One camera or microphone: says what is wanted, and the device is opened, changed, given back or tried again until it is so.
// The only place that opens devices. Knows nothing of calls: who publishes the track follows `state`.
import { Store } from '../state/store';
import { problemOf, type DeviceKind, type DeviceProblem } from './problems';

export type CaptureState =
  | { status: 'off' }
  | { status: 'starting' }
  /** `isHeld`: the system, a phone call or a switch on the device lets nothing through, though it is open. */
  | { status: 'live'; track: MediaStreamTrack; deviceId: string; isHeld: boolean }
  | { status: 'failed'; problem: DeviceProblem };

const OFF: CaptureState = { status: 'off' };

/** Which way a phone's camera looks: at the person, or at what is before them. */
export type Facing = 'user' | 'environment';

/** What a device is opened with; without one the choice is left to the browser. */
export function constraintsFor(
  kind: DeviceKind,
  deviceId?: ConstrainDOMString,
  facing?: Facing,
): MediaStreamConstraints {
  const device = facing ? { facingMode: { ideal: facing } } : deviceId ? { deviceId } : {};
  return kind === 'camera'
    ? { video: { ...device, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } } }
    : { audio: { ...device, echoCancellation: true, noiseSuppression: true, autoGainControl: true } };
}

/** A device that ends this often in a row is left alone, so that a broken driver cannot keep the page busy. */
const LIMIT_OF_ENDS = 4;
/** One that ran so long, ms, has not ended in a row with the last. */
const RAN_WELL = 10_000;
/** Tracks are muted for a moment when they begin, and when a device changes its mode, ms. */
const HELD_AFTER = 1_500;

export class Capture {
  readonly state = new Store<CaptureState>(OFF);
  readonly #kind: DeviceKind;
  readonly #media: MediaDevices | undefined;
  readonly #oneAtATime: boolean;
  #wanted = false;
  #deviceId: string | undefined;
  #facing: Facing | undefined;
  #openedFor: string | undefined;
  #isStale = false;
  #changing = false;
  #again = false;
  #ends = 0;
  #since = 0;
  #hold: ReturnType<typeof setTimeout> | undefined;

  /** `oneAtATime`: opening a second device of a kind spoils the first, so that goes first. */
  constructor(kind: DeviceKind, media: MediaDevices | undefined, oneAtATime = false) {
    this.#kind = kind;
    this.#media = media;
    this.#oneAtATime = oneAtATime;
  }

  /** Opens the device, or gives it back. */
  want(wanted: boolean): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.#ends = 0;
    void this.#change();
  }

  /** Takes this device; undefined leaves the choice to the browser and disturbs nothing that runs. */
  choose(deviceId: string | undefined): void {
    if (deviceId === this.#deviceId) return;
    this.#deviceId = deviceId;
    this.#facing = undefined;
    this.#ends = 0;
    if (this.#wanted) void this.#change();
  }

  /** Takes the camera that looks this way, whichever it is. */
  face(facing: Facing): void {
    this.#facing = facing;
    this.reopen();
  }

  /** Opens it anew as it is chosen: the system has another default by now, or what is open gives nothing any more. */
  reopen(): void {
    if (!this.#wanted) return;
    this.#ends = 0;
    this.#isStale = true;
    void this.#change();
  }

  /** The page slept or was hidden: what ended meanwhile, or gives nothing, is opened anew; what another program held is tried again. */
  wake(): void {
    const state = this.state.get();
    if (state.status === 'live' && (state.isHeld || state.track.readyState === 'ended')) this.reopen();
    if (state.status === 'failed' && (state.problem === 'busy' || state.problem === 'missing')) this.retry();
  }

  /** Tries again after a failure. */
  retry(): void {
    if (this.state.get().status !== 'failed') return;
    this.state.set(OFF);
    void this.#change();
  }

  /**
   * Takes over a device that was opened together with another, in one question to the person. Whichever it is: the question of some
   * browsers lets the person choose.
   */
  adopt(track: MediaStreamTrack): void {
    if (this.#wanted || this.#changing) {
      track.stop();
      return;
    }
    this.#wanted = true;
    this.#ends = 0;
    this.#openedFor = this.#deviceId;
    this.#accept(track, this.state.get());
  }

  /** The person was asked for both devices, and it came to this: wanted, but not to be had until `retry`. */
  fail(problem: DeviceProblem): void {
    if (this.#changing || this.state.get().status === 'live') return;
    this.#wanted = true;
    this.state.set({ status: 'failed', problem });
  }

  /** One change at a time; what is wanted meanwhile is looked at when that one is through. */
  async #change(): Promise<void> {
    this.#again = true;
    if (this.#changing) return;
    this.#changing = true;
    while (this.#again) {
      this.#again = false;
      await this.#step();
    }
    this.#changing = false;
  }

  async #step(): Promise<void> {
    const state = this.state.get();
    if (!this.#wanted) {
      this.#isStale = false;
      clearTimeout(this.#hold);
      if (state.status === 'live') state.track.stop();
      this.state.set(OFF);
      return;
    }
    const wish = this.#deviceId;
    const isRight =
      wish === undefined || wish === this.#openedFor || (state.status === 'live' && wish === state.deviceId);
    if (state.status === 'live' && !this.#isStale && isRight) {
      // One that was wished for and is gone is another wish when it comes back.
      if (wish === undefined) this.#openedFor = undefined;
      return;
    }
    this.#isStale = false;
    if (state.status === 'off') this.state.set({ status: 'starting' });
    this.#openedFor = wish;
    try {
      this.#accept(await this.#open(wish, state), state);
    } catch (error) {
      if (state.status === 'live' && state.track.readyState === 'live') return;
      this.state.set({ status: 'failed', problem: this.#media ? problemOf(error) : 'insecure' });
    }
  }

  async #open(deviceId: string | undefined, before: CaptureState): Promise<MediaStreamTrack> {
    if (this.#oneAtATime && before.status === 'live') before.track.stop();
    try {
      return await this.#ask(deviceId, this.#facing);
    } catch (error) {
      const problem = problemOf(error);
      if (problem === 'busy' && before.status === 'live') {
        // Phones open one camera at a time.
        before.track.stop();
        return this.#ask(deviceId, this.#facing);
      }
      if (deviceId === undefined || problem === 'refused') throw error;
      return this.#ask(undefined);
    }
  }

  async #ask(deviceId: string | undefined, facing?: Facing): Promise<MediaStreamTrack> {
    if (!this.#media) throw new DOMException('this page is not secure', 'SecurityError');
    const exact = deviceId === undefined ? undefined : { exact: deviceId };
    const stream = await this.#media.getUserMedia(constraintsFor(this.#kind, exact, facing));
    const track = stream.getTracks()[0];
    if (!track) throw new DOMException('the device gave no track', 'NotReadableError');
    return track;
  }

  #accept(track: MediaStreamTrack, before: CaptureState): void {
    track.addEventListener('ended', () => this.#ended(track));
    for (const event of ['mute', 'unmute']) track.addEventListener(event, () => this.#flowChanged(track));
    this.#since = Date.now();
    // What was held before and still gives nothing is not worth a moment of hope.
    const isHeld = track.muted && before.status === 'live' && before.isHeld;
    this.state.set({ status: 'live', track, deviceId: track.getSettings().deviceId ?? '', isHeld });
    this.#flowChanged(track);
    // After the new one is told, so that nobody shows a stopped track in between.
    if (before.status === 'live') before.track.stop();
    // It may have gone while it opened, when nobody listened yet.
    if (track.readyState === 'ended') this.#ended(track);
  }

  /** The system stops what flows from a device, or lets it flow again. */
  #flowChanged(track: MediaStreamTrack): void {
    const isOurs = () => {
      const state = this.state.get();
      return state.status === 'live' && state.track === track ? state : null;
    };
    if (!isOurs()) return;
    clearTimeout(this.#hold);
    const tell = () => {
      const state = isOurs();
      if (state && state.isHeld !== track.muted) this.state.set({ ...state, isHeld: track.muted });
    };
    if (track.muted) this.#hold = setTimeout(tell, HELD_AFTER);
    else tell();
  }

  /** The device was pulled out, another program took it, or permission was taken back. */
  #ended(track: MediaStreamTrack): void {
    const state = this.state.get();
    if (state.status !== 'live' || state.track !== track) return;
    if (Date.now() - this.#since >= RAN_WELL) this.#ends = 0;
    this.#ends += 1;
    if (this.#ends >= LIMIT_OF_ENDS) {
      this.state.set({ status: 'failed', problem: 'busy' });
      return;
    }
    this.state.set(OFF);
    void this.#change();
  }
}
