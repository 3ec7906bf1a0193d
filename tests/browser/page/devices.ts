/**
 * Fake cameras, microphones, speakers and screens, put in place of the browser's before a page's own scripts run. A camera is a
 * canvas of one colour with a moving bar, a microphone an oscillator of one pitch, so that each person in a call can be told
 * from the others by content. Not a model of capture constraints: only device choice and the wanted size are followed.
 */
import { PALETTE, type Colour } from './palette.ts';
import { drawPortrait } from './portrait.ts';

export interface Camera {
  kind: 'videoinput';
  id: string;
  label: string;
  colour: Colour;
  /** Which way it looks, as cameras of phones say. */
  facing?: 'user' | 'environment';
}
export interface Microphone {
  kind: 'audioinput';
  id: string;
  label: string;
  hz: number;
  /** What is one thing has one group. */
  group?: string;
}
export interface Speaker {
  kind: 'audiooutput';
  id: string;
  label: string;
  group?: string;
}
export type Device = Camera | Microphone | Speaker;

/** What a test gives one person before the page loads. */
export interface DevicePlan {
  devices: Device[];
  /** The colour a shared screen shows. */
  screen: Colour;
  /** The pitch of the tab that is shared, where the page asks for its sound, too. */
  screenHz?: number;
  /** The largest picture a camera gives, as [width, height]; small by default because encoding is in software. */
  largest: [number, number];
  fps: number;
  /** For pictures of the page: cameras show somebody, each colour another one. */
  portrait?: Colour;
  /** Cameras show fine stripes all over, and nobody: what blur has to take away. */
  stripes?: boolean;
  /** Something moves all over the picture but in its middle, so that it costs what pictures of people do. */
  lively?: boolean;
}

interface LiveTrack {
  deviceId: string;
  track: MediaStreamTrack;
}

/** The page's side: what tests call as `window.fakeDevices`. */
export class FakeDevices {
  /** Speaker ids chosen through `setSinkId`, latest last. */
  readonly chosenSpeakers: string[] = [];
  /** What the page asked for, as kinds of devices, in order. */
  readonly asked: string[] = [];
  readonly #plan: DevicePlan;
  readonly #live: LiveTrack[] = [];
  readonly #granted = new Set<string>();
  /** Devices that another program has. */
  readonly #taken = new Set<string>();
  #audio: AudioContext | undefined;

  constructor(plan: DevicePlan) {
    this.#plan = plan;
  }

  install(): void {
    const media = navigator.mediaDevices;
    media.getUserMedia = (constraints) => this.#getUserMedia(constraints ?? {});
    media.getDisplayMedia = (options) => {
      const tracks = [this.#picture('screen', this.#plan.screen, null)];
      const { screenHz } = this.#plan;
      if (options?.audio && screenHz !== undefined) tracks.push(this.#tone('screen', screenHz));
      return Promise.resolve(new MediaStream(tracks));
    };
    media.enumerateDevices = () => Promise.resolve(this.#enumerate());
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- setSinkId needs the element as its own `this`.
    const devices = this;
    HTMLMediaElement.prototype.setSinkId = function (id: string) {
      const isThere = devices.#plan.devices.some((device) => device.kind === 'audiooutput' && device.id === id);
      if (id !== '' && !isThere) return Promise.reject(new DOMException(`no speaker ${id}`, 'NotFoundError'));
      devices.chosenSpeakers.push(id);
      return Promise.resolve();
    };
  }

  plug(...devices: Device[]): void {
    this.#plan.devices.push(...devices);
    navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
  }

  /** Takes a device away as if its cable were pulled: its tracks end. */
  unplug(id: string): void {
    this.#plan.devices = this.#plan.devices.filter((device) => device.id !== id);
    this.#end(id);
    navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
  }

  /** Another program takes a device, as some systems let it: its tracks end, and it cannot be opened. */
  take(id: string): void {
    this.#taken.add(id);
    this.#end(id);
  }

  /** The other program gives it back, which nobody tells. */
  giveBack(id: string): void {
    this.#taken.delete(id);
  }

  /** The system or a switch lets nothing through from a device, or does again. */
  hold(id: string, isHeld: boolean): void {
    for (const { track } of this.#live.filter(({ deviceId }) => deviceId === id)) {
      Object.defineProperty(track, 'muted', { value: isHeld, configurable: true });
      track.dispatchEvent(new Event(isHeld ? 'mute' : 'unmute'));
    }
  }

  #end(id: string): void {
    for (const { track } of this.#live.filter(
      ({ deviceId, track }) => deviceId === id && track.readyState === 'live',
    )) {
      track.stop();
      track.dispatchEvent(new Event('ended'));
    }
  }

  /** The ids of devices that are capturing now. */
  inUse(): string[] {
    return this.#live.filter(({ track }) => track.readyState === 'live').map(({ deviceId }) => deviceId);
  }

  #enumerate(): MediaDeviceInfo[] {
    return this.#plan.devices.map((device) => {
      // As browsers do: ids and labels stay hidden until that kind was granted once.
      const shown = this.#granted.has(device.kind === 'videoinput' ? 'video' : 'audio');
      const info = {
        deviceId: shown ? device.id : '',
        kind: device.kind,
        label: shown ? device.label : '',
        groupId: 'group' in device ? (device.group ?? '') : '',
      };
      return { ...info, toJSON: () => info };
    });
  }

  #getUserMedia(constraints: MediaStreamConstraints): Promise<MediaStream> {
    const tracks: MediaStreamTrack[] = [];
    this.asked.push(Object.keys(constraints).sort().join('+'));
    try {
      if (constraints.video) {
        const camera = this.#choose('videoinput', constraints.video);
        tracks.push(this.#picture(camera.id, camera.colour, constraints.video === true ? null : constraints.video));
        this.#granted.add('video');
      }
      if (constraints.audio) {
        const microphone = this.#choose('audioinput', constraints.audio);
        tracks.push(this.#tone(microphone.id, microphone.hz));
        this.#granted.add('audio');
      }
    } catch (error) {
      for (const track of tracks) track.stop();
      return Promise.reject(error as DOMException);
    }
    return Promise.resolve(new MediaStream(tracks));
  }

  #choose<K extends Device['kind']>(kind: K, constraints: true | MediaTrackConstraints): Extract<Device, { kind: K }> {
    const all = this.#plan.devices.filter((device): device is Extract<Device, { kind: K }> => device.kind === kind);
    const wanted = constraints === true ? undefined : constraints.deviceId;
    const { exact, ideal } = namedDevice(wanted);
    const facing = constraints === true ? undefined : namedDevice(constraints.facingMode).ideal;
    const found =
      all.find((device) => device.id === (exact ?? ideal)) ??
      all.find((device) => facing !== undefined && 'facing' in device && device.facing === facing);
    if (found) return this.#free(found);
    if (exact !== undefined && exact !== 'default')
      throw new DOMException(`no device ${exact}`, 'OverconstrainedError');
    const first = all[0];
    if (!first) throw new DOMException('Requested device not found', 'NotFoundError');
    return this.#free(first);
  }

  #free<D extends Device>(device: D): D {
    if (this.#taken.has(device.id)) throw new DOMException('Could not start video source', 'NotReadableError');
    return device;
  }

  #picture(deviceId: string, colour: Colour, wanted: MediaTrackConstraints | null): MediaStreamTrack {
    const width = Math.min(this.#plan.largest[0], idealNumber(wanted?.width) ?? this.#plan.largest[0]);
    const height = Math.round((width * this.#plan.largest[1]) / this.#plan.largest[0]);
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const context = canvas.getContext('2d');
    if (!context) throw new Error('no 2d canvas');
    let frame = 0;
    const draw = () => {
      if (this.#plan.portrait) {
        drawPortrait(context, this.#plan.portrait, deviceId === 'screen');
        return;
      }
      context.fillStyle = `rgb(${PALETTE[colour].join()})`;
      context.fillRect(0, 0, width, height);
      if (this.#plan.stripes) {
        context.fillStyle = 'black';
        for (let x = 0; x < width; x += 8) context.fillRect(x, 0, 4, height);
      }
      if (this.#plan.lively) {
        for (let spot = 0; spot < 150; spot++) {
          context.fillStyle = `hsl(${Math.random() * 360} 60% 50%)`;
          const x = Math.random() * 0.6 * width;
          context.fillRect(x < 0.3 * width ? x : x + 0.4 * width, Math.random() * height, width / 40, height / 20);
        }
      }
      // The bar keeps the encoder sending; it stays clear of the middle, where tests sample.
      context.fillStyle = 'white';
      context.fillRect((frame++ * 8) % width, 0, 16, Math.round(height / 8));
    };
    draw();
    const timer = setInterval(draw, 1000 / this.#plan.fps);
    const track = canvas.captureStream(this.#plan.fps).getVideoTracks()[0];
    if (!track) throw new Error('the canvas gave no track');
    this.#dress(track, deviceId, { width, height, frameRate: this.#plan.fps }, () => clearInterval(timer));
    return track;
  }

  #tone(deviceId: string, hz: number): MediaStreamTrack {
    this.#audio ??= new AudioContext();
    void this.#audio.resume();
    const oscillator = new OscillatorNode(this.#audio, { frequency: hz });
    const gain = new GainNode(this.#audio, { gain: 0.3 });
    const out = new MediaStreamAudioDestinationNode(this.#audio, { channelCount: 1 });
    oscillator.connect(gain).connect(out);
    oscillator.start();
    const track = out.stream.getAudioTracks()[0];
    if (!track) throw new Error('the audio graph gave no track');
    this.#dress(track, deviceId, {}, () => oscillator.stop());
    return track;
  }

  /** Makes a synthetic track answer like one of the device, and free its source when stopped. */
  #dress(track: MediaStreamTrack, deviceId: string, settings: MediaTrackSettings, free: () => void): void {
    const label = this.#plan.devices.find((device) => device.id === deviceId)?.label ?? deviceId;
    Object.defineProperty(track, 'label', { value: label });
    const device = this.#plan.devices.find(({ id }) => id === deviceId);
    const facing = device && 'facing' in device ? { facingMode: device.facing } : {};
    track.getSettings = () => ({ ...settings, ...facing, deviceId });
    track.applyConstraints = () => Promise.resolve();
    // Firefox takes no events from scripts to tracks.
    const events = new EventTarget();
    track.addEventListener = events.addEventListener.bind(events);
    track.removeEventListener = events.removeEventListener.bind(events);
    track.dispatchEvent = events.dispatchEvent.bind(events);
    const stop = track.stop.bind(track);
    track.stop = () => {
      if (track.readyState === 'live') free();
      stop();
    };
    this.#live.push({ deviceId, track });
  }
}

function namedDevice(wanted: ConstrainDOMString | undefined): { exact?: string; ideal?: string } {
  const first = (value: string | string[] | undefined) => (Array.isArray(value) ? value[0] : value);
  if (wanted === undefined) return {};
  if (typeof wanted === 'string' || Array.isArray(wanted)) return { ideal: first(wanted) };
  return { exact: first(wanted.exact), ideal: first(wanted.ideal) };
}

function idealNumber(wanted: ConstrainULong | undefined): number | undefined {
  return typeof wanted === 'object' ? (wanted.exact ?? wanted.ideal) : wanted;
}
