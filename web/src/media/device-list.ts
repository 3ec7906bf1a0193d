// The devices there are now, by kind; follows those that come and go.
import { Store } from '../state/store';
import type { Device } from './choices';

export interface Devices {
  cameras: readonly Device[];
  microphones: readonly Device[];
  speakers: readonly Device[];
}

const NONE: Devices = { cameras: [], microphones: [], speakers: [] };

export class DeviceList extends Store<Devices> {
  /** The devices are known for the first time. */
  readonly known: Promise<void>;
  readonly #media: MediaDevices | undefined;

  constructor(media: MediaDevices | undefined) {
    super(NONE);
    this.#media = media;
    media?.addEventListener('devicechange', () => void this.refresh());
    this.known = this.refresh();
  }

  async refresh(): Promise<void> {
    const infos = await this.#media?.enumerateDevices().catch(() => []);
    if (infos) this.set(byKind(infos));
  }
}

export function byKind(infos: readonly MediaDeviceInfo[]): Devices {
  const of = (kind: MediaDeviceKind): Device[] =>
    infos
      // Windows lists the headset for calls a second time under this id.
      .filter((info) => info.kind === kind && info.deviceId !== 'communications')
      .map(({ deviceId, label, groupId }) => ({ deviceId, label, groupId }));
  return { cameras: of('videoinput'), microphones: of('audioinput'), speakers: of('audiooutput') };
}
