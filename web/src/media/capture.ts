// One camera or microphone: says what is wanted, and the device is opened, changed, given back or tried again until it is so.
// The only place that opens devices. Knows nothing of calls: who publishes the track follows `state`.
import { Store } from '../state/store';
import { problemOf, type DeviceKind, type DeviceProblem } from './problems';

export type CaptureState =
  | { status: 'off' }
  | { status: 'starting' }
  | { status: 'live'; track: MediaStreamTrack; deviceId: string }
  | { status: 'failed'; problem: DeviceProblem };

const OFF: CaptureState = { status: 'off' };

/** What a device is opened with; an undefined one leaves the choice to the browser. */
export function constraintsFor(kind: DeviceKind, deviceId?: string): MediaStreamConstraints {
  const device = deviceId === undefined ? {} : { deviceId: { exact: deviceId } };
  return kind === 'camera'
    ? { video: { ...device, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } } }
    : { audio: { ...device, echoCancellation: true, noiseSuppression: true, autoGainControl: true } };
}

/** A device that ends this often in a row is left alone, so that a broken driver cannot keep the page busy. */
const LIMIT_OF_ENDS = 4;

export class Capture {
  readonly state = new Store<CaptureState>(OFF);
  readonly #kind: DeviceKind;
  readonly #media: MediaDevices | undefined;
  #wanted = false;
  #deviceId: string | undefined;
  #openedFor: string | undefined;
  #changing = false;
  #again = false;
  #ends = 0;

  constructor(kind: DeviceKind, media: MediaDevices | undefined) {
    this.#kind = kind;
    this.#media = media;
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
    this.#ends = 0;
    if (this.#wanted) void this.#change();
  }

  /** Tries again after a failure. */
  retry(): void {
    if (this.state.get().status !== 'failed') return;
    this.state.set(OFF);
    void this.#change();
  }

  /** Takes over a device that was opened together with another, in one question to the person. */
  adopt(track: MediaStreamTrack): void {
    if (this.#wanted || this.#changing) {
      track.stop();
      return;
    }
    this.#wanted = true;
    this.#ends = 0;
    this.#openedFor = undefined;
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
      if (state.status === 'live') state.track.stop();
      this.state.set(OFF);
      return;
    }
    const wish = this.#deviceId;
    if (state.status === 'live' && (wish === undefined || wish === this.#openedFor || wish === state.deviceId)) return;
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
    try {
      return await this.#ask(deviceId);
    } catch (error) {
      const problem = problemOf(error);
      if (problem === 'busy' && before.status === 'live') {
        // Phones open one camera at a time.
        before.track.stop();
        return this.#ask(deviceId);
      }
      if (deviceId === undefined || problem === 'refused') throw error;
      return this.#ask(undefined);
    }
  }

  async #ask(deviceId: string | undefined): Promise<MediaStreamTrack> {
    if (!this.#media) throw new DOMException('this page is not secure', 'SecurityError');
    const stream = await this.#media.getUserMedia(constraintsFor(this.#kind, deviceId));
    const track = stream.getTracks()[0];
    if (!track) throw new DOMException('the device gave no track', 'NotReadableError');
    return track;
  }

  #accept(track: MediaStreamTrack, before: CaptureState): void {
    track.addEventListener('ended', () => this.#ended(track));
    this.state.set({ status: 'live', track, deviceId: track.getSettings().deviceId ?? '' });
    // After the new one is told, so that nobody shows a stopped track in between.
    if (before.status === 'live') before.track.stop();
  }

  /** The device was pulled out, or permission was taken back. */
  #ended(track: MediaStreamTrack): void {
    const state = this.state.get();
    if (state.status !== 'live' || state.track !== track) return;
    this.#ends += 1;
    if (this.#ends >= LIMIT_OF_ENDS) {
      this.state.set({ status: 'failed', problem: 'busy' });
      return;
    }
    this.state.set(OFF);
    void this.#change();
  }
}
