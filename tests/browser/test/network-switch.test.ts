/** Whoever changes to another network comes from another address: the same session goes on, with media. At both servers. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { Browser } from 'puppeteer-core';
import { openBrowser } from '../stage/browsers.ts';
import { HarnessSite } from '../stage/bundle.ts';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { Person } from '../stage/person.ts';
import { PORTS } from '../stage/ports.ts';
import { MediaProxy } from '../stage/proxy.ts';
import { leftOutAsSlow, Server, type ServerName } from '../stage/servers.ts';

for (const name of ['visavis', 'livekit-server'] satisfies ServerName[]) {
  describe(`another address through ${name}`, { skip: leftOutAsSlow(name) }, () => {
    const { udp } = name === 'visavis' ? PORTS.visavis : PORTS.livekit;
    const closing = closedAfter();
    let browser: Browser, site: HarnessSite, server: Server, proxy: MediaProxy;
    let alice: Person, bob: Person;

    before(async () => {
      [browser, site, server] = await closing.opened(openBrowser('chromium'), HarnessSite.open(), Server.start(name));
      [proxy] = await closing.opened(MediaProxy.before(udp));
      const setup = { throughProxy: { server: udp, proxy: PORTS.mediaProxy } };
      alice = await Person.join('alice', 'travelling', { browser, site, server, setup });
      bob = await Person.join('bob', 'travelling', { browser, site, server });
      await Promise.all([alice.publish(), bob.publish()]);
    });

    const bothWays = () =>
      Promise.all([
        alice.sees('bob', 'green', 'camera', 30_000),
        alice.hears('bob', PEOPLE.bob.hz),
        bob.sees('alice', 'red', 'camera', 30_000),
        bob.hears('alice', PEOPLE.alice.hz),
      ]);

    it('media goes on after the address changed, in the same session', async () => {
      await bothWays();
      await alice.page.evaluate(() => (window.harness.events.length = 0));
      proxy.moves();
      await bothWays();
      assert.ok(proxy.answered > 50, `media came through the proxy: ${proxy.answered} packets`);
      const events = await alice.page.evaluate(() => window.harness.events.map((event) => event.name));
      assert.ok(!events.includes('reconnecting'), `no full reconnect: ${events.join()}`);
    });
  });
}
