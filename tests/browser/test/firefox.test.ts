/** Firefox and Chromium in one room, both directions, at our server and at the real one. */
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'puppeteer-core';
import { openBrowser } from '../stage/browsers.ts';
import { HarnessSite } from '../stage/bundle.ts';
import { PEOPLE } from '../stage/devices.ts';
import { Person } from '../stage/person.ts';
import { leftOut, Server, type ServerName } from '../stage/servers.ts';

let chromium: Browser, firefox: Browser;
let site: HarnessSite;

before(async () => {
  [chromium, firefox, site] = await Promise.all([openBrowser('chromium'), openBrowser('firefox'), HarnessSite.open()]);
});
after(async () => {
  await Promise.all([chromium.close(), firefox.close()]);
  await site[Symbol.asyncDispose]();
});

for (const name of ['visavis', 'livekit-server'] satisfies ServerName[]) {
  describe(`Firefox with Chromium through ${name}`, { skip: leftOut(name) }, () => {
    let server: Server;
    let alice: Person, bob: Person;

    before(async () => {
      server = await Server.start(name);
      alice = await Person.join('alice', 'mixed', { browser: chromium, site, server });
      await alice.publish();
      bob = await Person.join('bob', 'mixed', { browser: firefox, site, server });
      await bob.publish();
    });
    after(async () => {
      await Promise.all([alice, bob].map((person) => person?.close().catch(() => undefined)));
      await server[Symbol.asyncDispose]();
    });

    it('Firefox sees and hears Chromium', async () => {
      await Promise.all([bob.sees('alice', PEOPLE.alice.colour), bob.hears('alice', PEOPLE.alice.hz)]);
    });

    it('Chromium sees and hears Firefox', async () => {
      await Promise.all([alice.sees('bob', PEOPLE.bob.colour), alice.hears('bob', PEOPLE.bob.hz)]);
    });

    it('mute in Firefox is known, and heard again after', async () => {
      await Promise.all([
        alice.knowsMuted('bob', 'microphone', true),
        alice.hearsSilence('bob'),
        bob.page.evaluate(() => window.harness.microphone(false)),
      ]);
      await Promise.all([
        alice.hears('bob', PEOPLE.bob.hz, 2_000),
        bob.page.evaluate(() => window.harness.microphone(true)),
      ]);
    });

    it('a screen shared from Firefox shows in Chromium within 2 s, and goes', async () => {
      await Promise.all([
        alice.sees('bob', 'magenta', 'screen_share', 2_000),
        bob.page.evaluate(() => window.harness.screen(true)),
      ]);
      await Promise.all([
        alice.losesTrack('bob', 'screen_share'),
        bob.page.evaluate(() => window.harness.screen(false)),
      ]);
    });

    it('Firefox sees Chromium leave within 2 s', async () => {
      await Promise.all([bob.isWith([], 2_000), alice.page.evaluate(() => window.harness.leave())]);
    });
  });
}
