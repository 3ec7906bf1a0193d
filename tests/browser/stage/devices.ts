/** The fake devices that tests give to people. */
import type { Device, DevicePlan } from '../page/devices.ts';
import type { Colour } from '../page/palette.ts';

export interface Looks {
  colour: Colour;
  hz: number;
}

/** The people of these tests: each with a picture and a tone of their own. */
export const PEOPLE = {
  alice: { colour: 'red', hz: 440 },
  bob: { colour: 'green', hz: 700 },
  carol: { colour: 'blue', hz: 1100 },
  dave: { colour: 'cyan', hz: 1400 },
} as const satisfies Record<string, Looks>;

/** A camera and a microphone as the person's looks say, a spare of each, and two speakers. */
export function devicesOf(looks: Looks, plan: Partial<DevicePlan> = {}): DevicePlan {
  const devices: Device[] = [
    { kind: 'videoinput', id: 'camera-own', label: 'Own camera', colour: looks.colour },
    { kind: 'videoinput', id: 'camera-spare', label: 'Spare camera', colour: 'yellow' },
    { kind: 'audioinput', id: 'microphone-own', label: 'Own microphone', hz: looks.hz },
    { kind: 'audioinput', id: 'microphone-spare', label: 'Spare microphone', hz: 1700 },
    { kind: 'audiooutput', id: 'speaker-own', label: 'Own speaker' },
    { kind: 'audiooutput', id: 'speaker-spare', label: 'Spare speaker' },
  ];
  return { devices, screen: 'magenta', largest: [320, 180], fps: 15, ...plan };
}
