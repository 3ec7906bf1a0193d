/** Runs before a page's own scripts: puts in the fake devices the test planned, if any, and the senses. */
import { takeAway } from './codecs.ts';
import { FakeDevices, type DevicePlan } from './devices.ts';
import { Diary } from './diary.ts';
import { watchPeerConnections } from './network.ts';
import { Senses } from './senses.ts';

declare global {
  interface Window {
    devicePlan?: DevicePlan;
    /** Set by a test before the page loads: video codecs, as mime types, that this browser cannot decode. */
    undecodable?: string[];
    fakeDevices: FakeDevices;
    senses: Senses;
    diary: Diary;
  }
}

// The runner's compiler calls this on named functions, also in those that tests send into the page.
Object.assign(window, { __name: (value: unknown) => value });
window.senses = new Senses();
window.diary = new Diary();
watchPeerConnections();
if (window.undecodable) takeAway(window.undecodable);
if (window.devicePlan && typeof navigator.mediaDevices === 'object') {
  window.fakeDevices = new FakeDevices(structuredClone(window.devicePlan));
  window.fakeDevices.install();
}
