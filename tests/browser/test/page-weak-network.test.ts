/** Visavis' own page where the network is too narrow for it: a real call, whose packets pass a line of a few kbit/s. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { violations } from '../stage/access.ts';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { PORTS } from '../stage/ports.ts';
import { MediaProxy } from '../stage/proxy.ts';
import { leftOut } from '../stage/servers.ts';
import { Stage } from '../stage/visit.ts';
import { testId, type Visitor } from '../stage/visitor.ts';

/** Bit/s: holds a voice, and of a picture next to nothing. */
const NARROW = 120_000;
const OF_OTHERS = testId('tile', '[data-local="false"]');

describe('our page in a narrow network', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let stage: Stage, proxy: MediaProxy;
  let alice: Visitor, bob: Visitor;

  before(async () => {
    [stage] = await closing.opened(Stage.open());
    [proxy] = await closing.opened(MediaProxy.before(PORTS.visavis.udp));
    const throughProxy = { server: PORTS.visavis.udp, proxy: PORTS.mediaProxy };
    const plan = { lively: true };
    [alice, bob] = await Promise.all([stage.visitor('alice', { throughProxy, plan }), stage.visitor('bob', { plan })]);
    await Promise.all([alice.callMyself('alice'), bob.callMyself('bob')]);
    await alice.createRoom('narrow');
    await bob.joinByClick('narrow');
    await Promise.all([alice.sees('bob', PEOPLE.bob.colour), bob.sees('alice', PEOPLE.alice.colour)]);
  });

  it('a weak upload pauses the video, which is told in words, and the voice is heard', async () => {
    const falls = ':is([data-quality="good"], [data-quality="poor"])';
    proxy.narrows({ upload: NARROW });
    await Promise.all([
      alice.shows('notice', {
        more: '[data-kind="upload-weak"]',
        text: 'Your upload is weak: your video is paused.',
        within: 30_000,
      }),
      // The quality is told of the one whose it is, to all.
      bob.shows('tile', { more: `[data-local="false"]${falls}`, text: 'alice', within: 30_000 }),
      alice.shows('tile', { more: `[data-local="true"]${falls}`, within: 30_000 }),
    ]);
    await bob.shows('tile', { more: '[data-local="true"][data-quality="excellent"]' });
    await alice.shows('tile', { more: '[data-local="true"]', text: 'Picture paused' });
    await bob.shows('tile', { more: '[data-local="false"][data-camera-off="true"]', text: 'alice' });
    await bob.hears(PEOPLE.alice.hz);
  });

  it('the panel has the figures behind it', async () => {
    await alice.press('i');
    await alice.shows('connection-findings', { text: 'Your upload is weak: your video is paused.' });
    await alice.until(
      (panel, limit) => {
        const read = (id: string) => document.querySelector(`[data-testid="${id}"]`)?.textContent ?? '';
        const [rate] = read('connection-upload').split(' ');
        const camera = document.querySelector(`${panel} tr[data-source="camera"]:not([data-identity])`)?.textContent;
        return Number(rate) > 10 && Number(rate) < limit / 1000 && /Camera\s*0 kbit\/s/.test(camera ?? '');
      },
      [testId('connection'), NARROW],
      'an upload that fits, and nothing of the camera',
    );
    assert.deepEqual(await violations(alice), []);
    await alice.press('Escape');
  });

  it('when there is room again, the video is sent as soon as one wants, and all is said to be well', async () => {
    proxy.narrows({});
    await alice.click('notice-action');
    await alice.hides('notice', { more: '[data-kind="upload-weak"]' });
    await bob.sees('alice', PEOPLE.alice.colour);
    await bob.shows('tile', { more: '[data-local="false"][data-quality="excellent"]', text: 'alice', within: 30_000 });
    await alice.press('i');
    await alice.shows('connection-findings', { text: 'Nothing is wrong with your connection.', within: 30_000 });
    await alice.press('Escape');
  });

  it('a weak download holds a picture back, which is told of it, and the voice is heard', async () => {
    proxy.narrows({ download: NARROW });
    await alice.shows('tile', { more: '[data-local="false"][data-paused="true"]', text: 'bob', within: 30_000 });
    await alice.press('i');
    await alice.shows('connection-findings', { text: 'Your download is weak: bob’s video is paused.' });
    await alice.press('Escape');
    await alice.hears(PEOPLE.bob.hz);
    proxy.narrows({});
    await alice.hides('tile', { more: '[data-local="false"][data-paused="true"]', within: 30_000 });
    await alice.plays(OF_OTHERS, 'bob', PEOPLE.bob.colour);
  });
});
