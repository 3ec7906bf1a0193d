/** The blurred background on Visavis' own page: that others never get to see what is behind a person who wants it hidden. */
import assert from 'node:assert/strict';
import { afterEach, before, describe, it } from 'node:test';
import { closedAfter } from '../stage/closing.ts';
import { leftOut } from '../stage/servers.ts';
import { Stage } from '../stage/visit.ts';
import { testId, type Visitor } from '../stage/visitor.ts';

/** Fine stripes and nobody before them. */
const STRIPES = { stripes: true };
const THEIRS = `${testId('tile', '[data-local="false"][data-source="camera"]')} video`;
/** The stripes as they come are about 60, a tenth of it is nothing that one could read. */
const SHARP = 25;
const SOFT = 6;

/** Looks at each frame of a video from now on; how sharp they were is in `window.sharpness`. */
function watch(visitor: Visitor, selector: string): Promise<void> {
  return visitor.page.evaluate((where) => {
    window.sharpness = [];
    const context = new OffscreenCanvas(320, 180).getContext('2d', { willReadFrequently: true });
    const look = (video: HTMLVideoElement) => {
      video.requestVideoFrameCallback(() => {
        if (!context) return;
        context.drawImage(video, 0, 0, 320, 180);
        const { data } = context.getImageData(0, 60, 320, 60);
        let sum = 0;
        let light = 0;
        for (let at = 4; at < data.length; at += 4) {
          light += Math.max(data[at] ?? 0, data[at + 1] ?? 0, data[at + 2] ?? 0);
          sum += Math.max(...[0, 1, 2].map((part) => Math.abs((data[at + part] ?? 0) - (data[at + part - 4] ?? 0))));
        }
        // Black is nothing that is seen, neither sharp nor soft.
        window.sharpness.push(light / (data.length / 4) < 16 ? NaN : sum / (data.length / 4));
        look(video);
      });
    };
    // The page may show it in another element any time.
    const seen = new WeakSet<HTMLVideoElement>();
    clearInterval(window.watching);
    window.watching = setInterval(() => {
      const video = document.querySelector<HTMLVideoElement>(where);
      if (!video || seen.has(video)) return;
      seen.add(video);
      look(video);
    }, 5);
  }, selector);
}

/** Waits for so many frames in a row that are all sharper, or all softer, than a limit. */
const lately = (visitor: Visitor, sharp: boolean, limit: number): Promise<void> =>
  visitor.until(
    (wantsSharp, edge) => {
      const last = window.sharpness.slice(-10);
      return last.length === 10 && last.every((value) => (wantsSharp ? value > edge : value < edge));
    },
    [sharp, limit] as [boolean, number],
    `ten ${sharp ? 'sharp' : 'soft'} frames`,
  );

const sharpestOf = (visitor: Visitor): Promise<number> =>
  visitor.page.evaluate(() => Math.max(...window.sharpness.filter((value) => !Number.isNaN(value))));

describe('the blurred background', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let stage: Stage;

  before(async () => {
    [stage] = await closing.opened(Stage.open());
  });
  afterEach(() => stage.clear());

  it('costs nothing until it is wanted, and asks nobody else', async () => {
    const alice = await stage.visitor('alice', { plan: STRIPES });
    const requests: string[] = [];
    alice.page.on('request', (request) => requests.push(request.url()));
    await alice.page.reload();
    await watch(alice, testId('preview'));
    await lately(alice, true, SHARP);
    assert.ok(!requests.some((url) => /blur|tflite|wasm/.test(url)), requests.join(' '));
    await alice.click('toggle-blur');
    await lately(alice, false, SOFT);
    const foreign = requests.filter((url) => !url.startsWith(stage.server.http) && !/^(blob|data):/.test(url));
    assert.deepEqual(foreign, []);
  });

  it('others get blurred frames alone from the moment it is on, whatever the camera does', async () => {
    const alice = await stage.visitor('alice', { plan: STRIPES });
    await alice.createRoom('blurred');
    const bob = await stage.visitor('bob', { path: '/r/blurred' });
    await watch(bob, THEIRS);
    await lately(bob, true, SHARP);
    await alice.click('open-settings');
    await alice.click('blur-field');
    await lately(bob, false, SOFT);
    await bob.page.evaluate(() => (window.sharpness = []));
    await alice.choose('camera', 'camera-spare');
    await alice.until(() => window.fakeDevices.inUse().join().includes('camera-spare'), [], 'the other camera');
    await lately(bob, false, SOFT);
    await alice.click('close-settings');
    await alice.click('toggle-camera');
    await bob.shows('tile', { more: '[data-local="false"][data-camera-off="true"]' });
    await alice.click('toggle-camera');
    await bob.hides('tile', { more: '[data-local="false"][data-camera-off="true"]' });
    await lately(bob, false, SOFT);
    const sharpest = await sharpestOf(bob);
    assert.ok(sharpest < SHARP, `a frame of sharpness ${sharpest} got through`);
    await alice.click('open-settings');
    await alice.click('blur-field');
    await lately(bob, true, SHARP);
  });

  it('a choice for it is kept: after a reload the first frame that others get is blurred', async () => {
    const alice = await stage.visitor('alice', { plan: STRIPES });
    await watch(alice, testId('preview'));
    await alice.click('toggle-blur');
    await lately(alice, false, SOFT);
    const bob = await stage.visitor('bob');
    await bob.createRoom('kept');
    await watch(bob, THEIRS);
    await alice.page.goto(`${stage.server.http}/r/kept`);
    await lately(bob, false, SOFT);
    const sharpest = await sharpestOf(bob);
    assert.ok(sharpest < SHARP, `a frame of sharpness ${sharpest} got through`);
  });

  it('goes on in a tab that is hidden, and stays soft', async () => {
    const alice = await stage.visitor('alice', { plan: STRIPES });
    await alice.click('toggle-blur');
    await alice.createRoom('elsewhere');
    const bob = await stage.visitor('bob', { path: '/r/elsewhere' });
    await watch(bob, THEIRS);
    await lately(bob, false, SOFT);
    const other = await alice.page.browserContext().newPage();
    await other.bringToFront();
    await alice.until(() => document.visibilityState === 'hidden', [], 'a tab that is hidden');
    await bob.page.evaluate(() => (window.sharpness = []));
    await lately(bob, false, SOFT);
    const sharpest = await sharpestOf(bob);
    assert.ok(sharpest < SHARP, `a frame of sharpness ${sharpest} got through`);
  });

  it('if it cannot be had, the camera goes off and the person is told', async () => {
    const alice = await stage.visitor('alice', { plan: STRIPES });
    await alice.createRoom('broken');
    const bob = await stage.visitor('bob', { path: '/r/broken' });
    await bob.shows('tile', { more: '[data-local="false"][data-camera-off="false"]' });
    await alice.page.setRequestInterception(true);
    alice.page.on('request', (request) => {
      void (request.url().endsWith('.js') && request.url().includes('blur') ? request.abort() : request.continue());
    });
    await alice.click('open-settings');
    await alice.click('blur-field');
    await alice.click('close-settings');
    await alice.shows('notice', { more: '[data-kind="blur-failed"]', text: 'nobody sees your room' });
    await bob.shows('tile', { more: '[data-local="false"][data-camera-off="true"]' });
    await alice.until(() => !window.fakeDevices.inUse().join().includes('camera'), [], 'no camera in use');
  });
});

describe('the blurred background in Firefox', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();

  it('is turned on in the settings of a call, and others get blurred frames alone', async () => {
    const [stage] = await closing.opened(Stage.open('firefox'));
    const alice = await stage.visitor('alice', { plan: STRIPES });
    await alice.createRoom('fox');
    const bob = await stage.visitor('bob', { path: '/r/fox' });
    await watch(bob, THEIRS);
    await lately(bob, true, SHARP);
    await alice.click('open-settings');
    await alice.click('blur-field');
    await lately(bob, false, SOFT);
    await bob.page.evaluate(() => (window.sharpness = []));
    await lately(bob, false, SOFT);
    const sharpest = await sharpestOf(bob);
    assert.ok(sharpest < SHARP, `a frame of sharpness ${sharpest} got through`);
    await alice.click('blur-field');
    await lately(bob, true, SHARP);
  });
});

declare global {
  interface Window {
    sharpness: number[];
    watching: ReturnType<typeof setInterval>;
  }
}
