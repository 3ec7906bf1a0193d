/** What stays of a picture or a sound that stops, at our server and at the real one: black and silence, not the last of it. */
import assert from 'node:assert/strict';
import { afterEach, before, describe, it } from 'node:test';
import type { Browser } from 'puppeteer-core';
import { openBrowser } from '../stage/browsers.ts';
import { HarnessSite } from '../stage/bundle.ts';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { Person } from '../stage/person.ts';
import { leftOut, Server, type ServerName } from '../stage/servers.ts';

const closing = closedAfter();
let browser: Browser;
let site: HarnessSite;

before(async () => {
  [browser, site] = await closing.opened(openBrowser('chromium'), HarnessSite.open());
});

for (const name of ['visavis', 'livekit-server'] satisfies ServerName[]) {
  describe(`blank frames through ${name}`, { skip: leftOut(name) }, () => {
    const closing = closedAfter();
    let server: Server;
    let alice: Person, bob: Person;
    let rooms = 0;

    before(async () => {
      [server] = await closing.opened(Server.start(name));
    });
    afterEach(() => Promise.all([alice.close(), bob.close()]));

    async function meet(): Promise<void> {
      const room = `blank-${++rooms}`;
      alice = await Person.join('alice', room, { browser, site, server });
      bob = await Person.join('bob', room, { browser, site, server });
    }

    for (const codec of ['vp8', 'h264'] as const) {
      it(`of a picture in ${codec} that is unsubscribed from nothing is left`, async () => {
        await meet();
        await alice.page.evaluate((videoCodec) => window.harness.camera(true, { videoCodec }), codec);
        await bob.sees('alice', PEOPLE.alice.colour);
        assert.equal(await bob.page.evaluate(() => window.harness.codec('alice')), `video/${codec}`);
        // An application that keeps its element.
        await bob.page.evaluate(async () => {
          const shown = document.querySelector<HTMLVideoElement>('video[data-identity=alice]');
          window.kept = Object.assign(document.createElement('video'), { srcObject: shown?.srcObject, muted: true });
          await window.kept.play();
        });
        const keeps = (black: boolean) =>
          bob.until(
            (wanted) => {
              const rgb = window.kept && window.senses.see(window.kept).rgb;
              return rgb && rgb.every((value) => value < 40) === wanted;
            },
            [black],
            `the kept element is ${black ? '' : 'not '}black`,
            2_000,
          );
        await keeps(false);
        await bob.page.evaluate(() => window.harness.subscribe('alice', 'camera' as never, false));
        await keeps(true);
        await bob.page.evaluate(() => window.harness.subscribe('alice', 'camera' as never, true));
        await bob.sees('alice', PEOPLE.alice.colour);
      });
    }

    it('a microphone that is muted is followed by silence, and heard again', async () => {
      await meet();
      await alice.page.evaluate(() => window.harness.microphone(true));
      await bob.hears('alice', PEOPLE.alice.hz);
      await alice.page.evaluate(() => window.harness.microphone(false));
      await bob.until(() => window.harness.track('alice', 'microphone' as never)?.muted, [], 'alice is muted');
      const packets = () => bob.page.evaluate(() => window.harness.inbound('alice', 'microphone' as never));
      const before = (await packets()).packets;
      await bob.until(
        async (least) => (await window.harness.inbound('alice', 'microphone' as never)).packets >= least,
        [before + 30],
        'gets silence',
        2_000,
      );
      await alice.page.evaluate(() => window.harness.microphone(true));
      await bob.hears('alice', PEOPLE.alice.hz);
    });

    it('a camera that is muted is seen again', async () => {
      await meet();
      await alice.page.evaluate(() => window.harness.camera(true));
      await bob.sees('alice', PEOPLE.alice.colour);
      await alice.page.evaluate(() => window.harness.camera(false));
      await bob.until(() => window.harness.track('alice', 'camera' as never)?.muted, [], 'alice is muted');
      await alice.page.evaluate(() => window.harness.camera(true));
      await bob.sees('alice', PEOPLE.alice.colour);
    });
  });
}

declare global {
  interface Window {
    kept?: HTMLVideoElement;
  }
}
