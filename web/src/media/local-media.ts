// The person's own camera, microphone and speaker: what they want, what is chosen, and when a device may be open at all. At home the
// camera shows the preview and no sound is captured; in a call both run; the open settings need both, to show what is chosen.
import { Store } from '../state/store';
import { Capture } from './capture';
import { loadChoices, resolveChoice, saveChoices, type ChoiceKind, type Choices, type Device } from './choices';
import { DeviceList } from './device-list';
import type { DeviceKind } from './problems';

export type Wishes = Record<DeviceKind, boolean>;

const WISHES_KEY = 'visavis.wishes';

export class LocalMedia {
  readonly devices: DeviceList;
  readonly choices: Store<Choices>;
  /** On or off, as the buttons show it. */
  readonly wishes: Store<Wishes>;
  readonly camera: Capture;
  readonly microphone: Capture;
  readonly #storage: Storage | null;
  readonly #session: Storage | null;
  #inCall = false;
  #settingsOpen = false;

  constructor(media: MediaDevices | undefined, storage: Storage | null, session: Storage | null) {
    this.#storage = storage;
    this.#session = session;
    this.devices = new DeviceList(media);
    this.choices = new Store(loadChoices(storage));
    this.wishes = new Store(loadWishes(session));
    this.camera = new Capture('camera', media);
    this.microphone = new Capture('microphone', media);
    for (const capture of [this.camera, this.microphone]) {
      // Labels and ids are told from the first permission on.
      capture.state.subscribe(() => {
        if (capture.state.get().status === 'live') void this.devices.refresh();
      });
    }
    this.devices.subscribe(() => this.#devicesChanged());
    this.#watchPermission('camera', this.camera);
    this.#watchPermission('microphone', this.microphone);
    this.#update();
  }

  wish(kind: DeviceKind, on: boolean): void {
    this.wishes.set({ ...this.wishes.get(), [kind]: on });
    this.#session?.setItem(WISHES_KEY, JSON.stringify(this.wishes.get()));
    if (on) this[kind].retry();
    this.#update();
  }

  choose(kind: ChoiceKind, device: Device): void {
    this.choices.set({ ...this.choices.get(), [kind]: { deviceId: device.deviceId, label: device.label } });
    saveChoices(this.#storage, this.choices.get());
    this.#update();
  }

  enterCall(): void {
    this.#inCall = true;
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
    this.camera.choose(resolveChoice(camera, devices.cameras));
    this.microphone.choose(resolveChoice(microphone, devices.microphones));
    this.camera.want(wishes.camera || this.#settingsOpen);
    // A muted microphone stays open in a call: headsets change their mode when it closes, and unmuting would lag.
    const open = this.microphone.state.get().status === 'live';
    this.microphone.want(this.#settingsOpen || (this.#inCall && (wishes.microphone || open)));
  }

  #devicesChanged(): void {
    for (const capture of [this.camera, this.microphone]) {
      const state = capture.state.get();
      if (state.status === 'failed' && (state.problem === 'missing' || state.problem === 'busy')) {
        const there = capture === this.camera ? this.devices.get().cameras : this.devices.get().microphones;
        if (there.length > 0) capture.retry();
      }
    }
    this.#update();
  }

  #watchPermission(name: 'camera' | 'microphone', capture: Capture): void {
    // Not every browser knows these names; there a reload does it.
    // Old browsers have no such object, whatever the type says.
    const permissions = navigator.permissions as Permissions | undefined;
    void permissions
      ?.query({ name })
      .then((status) => {
        status.addEventListener('change', () => {
          if (status.state === 'granted') capture.retry();
        });
      })
      .catch(() => undefined);
  }
}

function loadWishes(session: Storage | null): Wishes {
  const wishes: Wishes = { camera: true, microphone: true };
  try {
    const kept = JSON.parse(session?.getItem(WISHES_KEY) ?? '{}') as Partial<Record<DeviceKind, unknown>>;
    for (const kind of ['camera', 'microphone'] as const) if (kept[kind] === false) wishes[kind] = false;
  } catch {
    // Not ours: both on, as at the first visit.
  }
  return wishes;
}
