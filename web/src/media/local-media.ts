// The person's own camera, microphone and speaker: what they want, what is chosen, and when a device may be open at all. Nothing is
// opened that the browser would have to ask for, until the person turns it on or joins with it on. At home both show and sound to the
// person alone: a preview and a level.
import { Background, type MakeBlur } from '../background/background';
import { Store, type Readable } from '../state/store';
import { isSettled, permissionOf, type Access } from './access';
import { Capture, constraintsFor, type CaptureState, type Facing } from './capture';
import { loadChoices, resolveChoice, saveChoices, type ChoiceKind, type Choices, type Device } from './choices';
import { DeviceList, type Devices } from './device-list';
import { isWebKit } from './own-devices';
import { defaultOf, newsOf, type DeviceNews } from './plugging';
import { problemOf, type DeviceKind } from './problems';

export type Wishes = Record<DeviceKind, boolean>;

const WISHES_KEY = 'visavis.wishes';
const KINDS = ['camera', 'microphone'] as const;

export class LocalMedia {
  readonly devices: DeviceList;
  readonly choices: Store<Choices>;
  /** On or off, as the buttons show it. */
  readonly wishes: Store<Wishes>;
  readonly access = new Store<Record<DeviceKind, Access>>({ camera: 'unknown', microphone: 'unknown' });
  readonly camera: Capture;
  readonly microphone: Capture;
  readonly background: Background;
  /** What the last change of the devices meant. */
  readonly news = new Store<readonly DeviceNews[]>([]);
  /** Which way the open camera looks; null: it does not say, as those of computers. */
  readonly facing = new Store<Facing | null>(null);
  /** Whether there is a camera that looks the other way, as phones have. */
  readonly canTurn = new Store(false);
  readonly #media: MediaDevices | undefined;
  readonly #storage: Storage | null;
  readonly #session: Storage | null;
  readonly #isWebKit: boolean;
  #known: Devices;
  /** By id, what was open since the list of devices last changed: one that is pulled out may be replaced before the list tells. */
  #open: Partial<Record<ChoiceKind, string[]>> = {};
  #inCall = false;
  #settingsOpen = false;

  constructor(media: MediaDevices | undefined, storage: Storage | null, session: Storage | null, blur?: MakeBlur) {
    this.#media = media;
    this.#storage = storage;
    this.#session = session;
    this.#isWebKit = isWebKit();
    this.devices = new DeviceList(media);
    this.#known = this.devices.get();
    this.choices = new Store(loadChoices(storage));
    this.wishes = new Store(loadWishes(session));
    this.camera = new Capture('camera', media, this.#isWebKit);
    this.microphone = new Capture('microphone', media, this.#isWebKit);
    this.background = new Background(this.camera.state, storage, blur);
    for (const capture of [this.camera, this.microphone]) {
      // Labels and ids are told from the first permission on.
      capture.state.subscribe(() => {
        if (capture.state.get().status === 'live') void this.devices.refresh();
      });
    }
    for (const kind of KINDS) this[kind].state.subscribe(() => this.#noteOpen(kind));
    this.background.failure.subscribe(() => {
      if (this.background.failure.get() !== null) this.wish('camera', false);
    });
    this.devices.subscribe(() => this.#devicesChanged());
    this.camera.state.subscribe(() => this.#lookAtFacing());
    for (const kind of KINDS) void this.#learn(kind);
  }

  /** The camera as it may be shown and sent: blurred if the person wants that. */
  get picture(): Readable<CaptureState> {
    return this.background.picture;
  }

  wish(kind: DeviceKind, on: boolean): void {
    this.wishes.set({ ...this.wishes.get(), [kind]: on });
    this.#session?.setItem(WISHES_KEY, JSON.stringify(this.wishes.get()));
    if (on) {
      this[kind].retry();
      void this.#ask([kind]);
    }
    this.#update();
  }

  /** Turns on what is wished for, with one question by the browser for both. */
  async turnOn(): Promise<void> {
    for (const kind of KINDS) this[kind].retry();
    await this.#ask(KINDS.filter((kind) => this.wishes.get()[kind]));
  }

  choose(kind: ChoiceKind, device: Device): void {
    this.choices.set({ ...this.choices.get(), [kind]: { deviceId: device.deviceId, label: device.label } });
    saveChoices(this.#storage, this.choices.get());
    this.#update();
  }

  /** Takes the camera that looks the other way, and keeps to it. */
  turnCamera(): void {
    if (!this.canTurn.get()) return;
    const wanted: Facing = this.facing.get() === 'environment' ? 'user' : 'environment';
    const { state } = this.camera;
    const before = state.get();
    const undo = state.subscribe(() => {
      const now = state.get();
      if (now.status === 'starting' || now === before) return;
      undo();
      if (now.status === 'live') this.choose('camera', { deviceId: now.deviceId, label: now.track.label });
    });
    this.camera.face(wanted);
  }

  /** The page slept or was hidden: looks at the devices anew. */
  wake(): void {
    for (const kind of KINDS) this[kind].wake();
    // Those that came or went meanwhile are not told by every browser.
    void this.devices.refresh();
  }

  enterCall(): void {
    this.#inCall = true;
    void this.turnOn();
    this.#update();
  }

  leaveCall(): void {
    this.#inCall = false;
    this.#update();
  }

  openSettings(open: boolean): void {
    this.#settingsOpen = open;
    this.#update();
  }

  /** The speaker to play through; undefined is the browser's own choice. */
  speaker(): string | undefined {
    return resolveChoice(this.choices.get().speaker, this.devices.get().speakers);
  }

  #update(): void {
    const { camera, microphone } = this.choices.get();
    const devices = this.devices.get();
    const wishes = this.wishes.get();
    const access = this.access.get();
    this.camera.choose(resolveChoice(camera, devices.cameras));
    this.microphone.choose(resolveChoice(microphone, devices.microphones));
    if (access.camera === 'settled') this.camera.want(wishes.camera || this.#settingsOpen);
    // A muted microphone stays open in a call: headsets change their mode when it closes, and unmuting would lag.
    const stays = this.#inCall && this.microphone.state.get().status === 'live';
    if (access.microphone === 'settled') {
      this.microphone.want(wishes.microphone || this.#settingsOpen || stays);
    }
  }

  #devicesChanged(): void {
    const [before, now] = [this.#known, this.devices.get()];
    this.#known = now;
    const news = newsOf(before, now, { choices: this.choices.get(), open: this.#open });
    this.#open = { speaker: [resolveChoice(this.choices.get().speaker, now.speakers) ?? 'default'] };
    for (const kind of KINDS) this.#noteOpen(kind);
    for (const capture of [this.camera, this.microphone]) {
      const state = capture.state.get();
      if (state.status === 'failed' && (state.problem === 'missing' || state.problem === 'busy')) {
        const there = capture === this.camera ? now.cameras : now.microphones;
        if (there.length > 0) capture.retry();
      }
    }
    this.#update();
    this.#followDefault(before.microphones, now.microphones);
    this.#lookAtFacing();
    if (news.length > 0) this.news.set(news);
  }

  /** Another microphone is the system's default: taken, unless the person chose one. A camera that runs is left alone. */
  #followDefault(before: readonly Device[], now: readonly Device[]): void {
    const chosen = resolveChoice(this.choices.get().microphone, now);
    if (chosen !== undefined && chosen !== 'default') return;
    const [was, is] = [defaultOf(before, this.#isWebKit), defaultOf(now, this.#isWebKit)];
    if (was !== null && is !== null && was !== is) this.microphone.reopen();
  }

  #noteOpen(kind: DeviceKind): void {
    const state = this[kind].state.get();
    if (state.status === 'live') this.#open[kind] = [...(this.#open[kind] ?? []), state.deviceId];
  }

  #lookAtFacing(): void {
    const state = this.camera.state.get();
    const facing = state.status === 'live' ? state.track.getSettings().facingMode : undefined;
    // While another opens, it is the last that is shown.
    if (state.status !== 'starting') this.facing.set(facing === 'user' || facing === 'environment' ? facing : null);
    this.canTurn.set(this.devices.get().cameras.length > 1 && this.facing.get() !== null);
  }

  /** Lets the browser ask for these, unless it has the answer; two are one question. */
  async #ask(kinds: readonly DeviceKind[]): Promise<void> {
    const open = kinds.filter((kind) => ['unknown', 'unasked'].includes(this.access.get()[kind]));
    if (open.length === 2 && this.#media) {
      this.#setAccess(open, 'asking');
      try {
        const { camera, microphone } = this.choices.get();
        const { cameras, microphones } = this.devices.get();
        const stream = await this.#media.getUserMedia({
          ...constraintsFor('camera', { ideal: resolveChoice(camera, cameras) }),
          ...constraintsFor('microphone', { ideal: resolveChoice(microphone, microphones) }),
        });
        for (const track of stream.getTracks()) this[track.kind === 'video' ? 'camera' : 'microphone'].adopt(track);
      } catch (error) {
        const problem = problemOf(error);
        // One refusal is enough. Whatever else it is may be of one device only: each is tried by itself.
        if (['refused', 'dismissed', 'system'].includes(problem)) for (const kind of open) this[kind].fail(problem);
      }
    }
    this.#setAccess(open, 'settled');
    this.#update();
  }

  async #learn(kind: DeviceKind): Promise<void> {
    // A page that is not secure gets no devices, and can say so at once.
    const settled = !this.#media || (await isSettled(kind, this.devices));
    if (this.access.get()[kind] === 'unknown') this.#setAccess([kind], settled ? 'settled' : 'unasked');
    this.#update();
    const status = await permissionOf(kind);
    status?.addEventListener('change', () => {
      if (status.state !== 'granted') return;
      this.#setAccess([kind], 'settled');
      this[kind].retry();
      this.#update();
    });
  }

  #setAccess(kinds: readonly DeviceKind[], access: Access): void {
    if (kinds.length === 0) return;
    this.access.set({ ...this.access.get(), ...Object.fromEntries(kinds.map((kind) => [kind, access])) });
  }
}

function loadWishes(session: Storage | null): Wishes {
  const wishes: Wishes = { camera: true, microphone: true };
  try {
    const kept = JSON.parse(session?.getItem(WISHES_KEY) ?? '{}') as Partial<Record<DeviceKind, unknown>>;
    for (const kind of KINDS) if (kept[kind] === false) wishes[kind] = false;
  } catch {
    // Not ours: both on, as at the first visit.
  }
  return wishes;
}
