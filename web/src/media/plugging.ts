// What it means to the person that devices came or went. Pure: lists of before and now go in, news come out.
import { resolveChoice, type ChoiceKind, type Choices, type Device } from './choices';
import type { Devices } from './device-list';

/**
 * `gone`: one that was in use was pulled out, and there is another; `taken`: one came and is in use, because it was chosen once or the
 * system made it the default; `offered`: one came that the person might want to use.
 */
export interface DeviceNews {
  what: 'gone' | 'taken' | 'offered';
  label: string;
  /** One thing may be several devices: a headset is a microphone and a speaker. */
  devices: Partial<Record<ChoiceKind, Device>>;
}

export interface InUse {
  choices: Choices;
  /** Ids of those that are open; 'default' is the system's. */
  open: Partial<Record<ChoiceKind, readonly string[]>>;
}

const LISTS = { camera: 'cameras', microphone: 'microphones', speaker: 'speakers' } as const;
const KINDS = ['microphone', 'speaker', 'camera'] as const;

export function newsOf(before: Devices, now: Devices, { choices, open }: InUse): DeviceNews[] {
  const news: DeviceNews[] = [];
  const tell = (what: DeviceNews['what'], kind: ChoiceKind, device: Device) => {
    const same = news.find((each) => each.what === what && isSameThing(firstOf(each), device));
    if (same) same.devices[kind] = device;
    else news.push({ what, label: device.label, devices: { [kind]: device } });
  };
  for (const kind of KINDS) {
    const [was, is] = [before[LISTS[kind]], now[LISTS[kind]]];
    // Until the first permission browsers hide what there is: then nothing has come, it is only shown.
    if (!was.some(isThing) && was.length > 0) continue;
    const isOpen = (device: Device, list: readonly Device[]) =>
      (open[kind] ?? []).some((id) => device.deviceId === defaultTo(id, list));
    for (const device of without(was, is)) if (is.length > 0 && isOpen(device, was)) tell('gone', kind, device);
    for (const device of without(is, was)) {
      const chosen = resolveChoice(choices[kind], is);
      const follows = chosen === undefined || chosen === 'default';
      const isTaken = follows ? device.deviceId === defaultTo('default', is) : device.deviceId === chosen;
      tell(isTaken ? 'taken' : 'offered', kind, device);
    }
  }
  return news;
}

/**
 * What "default" means now; null where the browser does not tell. Chromium lists the system's default once more, under this id; WebKit
 * names it first.
 */
export function defaultOf(devices: readonly Device[], isFirstDefault: boolean): string | null {
  const entry = devices.find(({ deviceId }) => deviceId === 'default');
  if (entry) return `${entry.groupId ?? ''} ${entry.label}`;
  return isFirstDefault ? (devices.find(isThing)?.deviceId ?? null) : null;
}

/** The device behind the entry "default"; any other id is its own. */
function defaultTo(id: string, devices: readonly Device[]): string | undefined {
  if (id !== 'default') return id;
  const entry = devices.find(({ deviceId }) => deviceId === 'default');
  return entry && devices.find((device) => isThing(device) && isSameThing(entry, device))?.deviceId;
}

function without(devices: readonly Device[], others: readonly Device[]): Device[] {
  return devices.filter((device) => isThing(device) && !others.some(({ deviceId }) => deviceId === device.deviceId));
}

function isThing({ deviceId }: Device): boolean {
  return deviceId !== '' && deviceId !== 'default';
}

function isSameThing(one: Device | undefined, other: Device): boolean {
  return one?.groupId !== undefined && one.groupId !== '' && one.groupId === other.groupId;
}

function firstOf({ devices }: DeviceNews): Device | undefined {
  return Object.values(devices)[0];
}
