import { expect, it } from 'vitest';
import type { Device } from './choices';
import type { Devices } from './device-list';
import { defaultOf, newsOf, type InUse } from './plugging';

const device = (deviceId: string, groupId = deviceId): Device => ({ deviceId, label: `The ${deviceId}`, groupId });
const defaultIs = (groupId: string): Device => ({ deviceId: 'default', label: `Default - ${groupId}`, groupId });
const devices = (parts: Partial<Devices>): Devices => ({ cameras: [], microphones: [], speakers: [], ...parts });
const BUILT_IN = device('built-in');
const MICROPHONE = device('headset-in', 'headset');
const SPEAKER = device('headset-out', 'headset');
const nothing: InUse = { choices: {}, open: {} };
const whats = (before: Devices, now: Devices, use: InUse = nothing) =>
  newsOf(before, now, use).map(({ what, label, devices: of }) => [what, label, Object.keys(of)]);

const before = devices({ microphones: [BUILT_IN], speakers: [BUILT_IN] });
const withHeadset = devices({ microphones: [BUILT_IN, MICROPHONE], speakers: [BUILT_IN, SPEAKER] });

it('a headset that comes is offered once, with both of its ends', () => {
  expect(whats(before, withHeadset)).toEqual([['offered', 'The headset-in', ['microphone', 'speaker']]]);
});

it('one that was chosen before is taken, by its name if its id has changed', () => {
  const choices = { microphone: { deviceId: 'old id', label: MICROPHONE.label }, speaker: SPEAKER };
  expect(whats(before, withHeadset, { choices, open: {} })).toEqual([
    ['taken', 'The headset-in', ['microphone', 'speaker']],
  ]);
});

it('one that the system makes its default is taken where the default is followed, and offered where another is chosen', () => {
  const was = devices({ microphones: [defaultIs('built-in'), BUILT_IN] });
  const is = devices({ microphones: [defaultIs('headset'), BUILT_IN, MICROPHONE] });
  expect(whats(was, is)).toEqual([['taken', 'The headset-in', ['microphone']]]);
  expect(whats(was, is, { choices: { microphone: BUILT_IN }, open: {} })).toEqual([
    ['offered', 'The headset-in', ['microphone']],
  ]);
});

it('one that goes is told if it was in use', () => {
  expect(whats(withHeadset, before)).toEqual([]);
  const use = { choices: {}, open: { microphone: ['headset-in'], speaker: ['built-in'] } };
  expect(whats(withHeadset, before, use)).toEqual([['gone', 'The headset-in', ['microphone']]]);
});

it('one that goes was in use, too, where it was the default', () => {
  const was = devices({ microphones: [defaultIs('headset'), BUILT_IN, MICROPHONE] });
  const is = devices({ microphones: [defaultIs('built-in'), BUILT_IN] });
  expect(whats(was, is, { choices: {}, open: { microphone: ['default'] } })).toEqual([
    ['gone', 'The headset-in', ['microphone']],
  ]);
});

it('the last of its kind that goes is no news here: that there is none is told elsewhere', () => {
  const camera = devices({ cameras: [device('camera')] });
  expect(whats(camera, devices({}), { choices: {}, open: { camera: ['camera'] } })).toEqual([]);
});

it('what a first permission shows has not come', () => {
  const hidden = devices({ microphones: [{ deviceId: '', label: '' }], speakers: [{ deviceId: '', label: '' }] });
  expect(whats(hidden, withHeadset)).toEqual([]);
});

it('the default is told by its entry, or by the first where that is the custom', () => {
  expect(defaultOf([BUILT_IN, MICROPHONE], false)).toBeNull();
  expect(defaultOf([BUILT_IN, MICROPHONE], true)).not.toBe(defaultOf([MICROPHONE, BUILT_IN], true));
  const [was, is] = [
    [defaultIs('built-in'), BUILT_IN],
    [defaultIs('headset'), BUILT_IN],
  ] as const;
  expect(defaultOf(was, false)).not.toBe(defaultOf(is, false));
});
