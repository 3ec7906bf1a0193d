import { beforeEach, expect, it, vi } from 'vitest';
import { SpeakerSwitch } from './speaker';

let active: string | undefined;
let chosen: string | undefined;
let listed: string[];
let works: (id: string) => boolean;
const switched: string[] = [];

const room = {
  getActiveDevice: () => active,
  switchActiveDevice: (_: MediaDeviceKind, id: string) => {
    switched.push(id);
    if (!works(id)) return Promise.reject(new DOMException('', 'NotFoundError'));
    active = id;
    return Promise.resolve(true);
  },
};
const media = {
  speaker: () => chosen,
  devices: {
    get: () => ({ cameras: [], microphones: [], speakers: listed.map((deviceId) => ({ deviceId, label: deviceId })) }),
  },
};
let speaker: SpeakerSwitch;

beforeEach(() => {
  active = 'default';
  chosen = undefined;
  listed = ['own', 'headset'];
  works = () => true;
  switched.length = 0;
  speaker = new SpeakerSwitch(room, media);
});

it('nothing is touched while nothing is chosen', async () => {
  await speaker.follow();
  expect(switched).toEqual([]);
});

it.each([
  ['by name where it is listed', ['default', 'own'], 'default'],
  ['by no name where it is not', ['own'], ''],
])('a chosen speaker that goes gives way to the system’s, %s, and is taken again', async (_, without, systems) => {
  chosen = 'headset';
  await speaker.follow();
  expect(active).toBe('headset');
  chosen = undefined;
  listed = without;
  speaker.changed();
  await vi.waitFor(() => expect(active).toBe(systems));
  chosen = 'headset';
  speaker.changed();
  await vi.waitFor(() => expect(active).toBe('headset'));
});

it('a speaker that cannot be used is tried once, and sound stays where it is', async () => {
  chosen = 'headset';
  works = (id) => id !== 'headset';
  active = 'own';
  await speaker.follow();
  await speaker.follow();
  expect(switched).toEqual(['headset', '']);
  expect(active).toBe('');
});

it('another that the client library took by itself is not kept', async () => {
  chosen = 'headset';
  await speaker.follow();
  active = 'own';
  await speaker.follow();
  expect(active).toBe('headset');
});

it('where speakers cannot be chosen, that is tried once', async () => {
  chosen = 'headset';
  works = () => false;
  await speaker.follow();
  expect(switched).toEqual(['headset']);
});
