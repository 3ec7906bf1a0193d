/** The scenarios that livekit-client's own sample simulates, at both servers: after each the session is as whole as it should be. */
import assert from 'node:assert/strict';
import { afterEach, before, describe, it } from 'node:test';
import type { Browser } from 'puppeteer-core';
import type { SimulationScenario } from 'livekit-client';
import { openBrowser } from '../stage/browsers.ts';
import { HarnessSite } from '../stage/bundle.ts';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { Person } from '../stage/person.ts';
import { leftOutAsSlow, Server, type ServerName } from '../stage/servers.ts';

/** Scenario → what the client does about it: resumes, or starts over. */
const COME_BACK = {
  'signal-reconnect': 'signalReconnecting',
  'resume-reconnect': 'reconnecting',
  'full-reconnect': 'reconnecting',
  migration: 'signalReconnecting',
  'node-failure': 'reconnecting',
  'disconnect-signal-on-resume': 'signalReconnecting',
  'disconnect-signal-on-resume-no-messages': 'signalReconnecting',
  'force-tcp': 'reconnecting',
} as const satisfies Partial<Record<SimulationScenario, string>>;

for (const name of ['visavis', 'livekit-server'] satisfies ServerName[]) {
  describe(`simulated scenarios through ${name}`, { skip: leftOutAsSlow(name) }, () => {
    const closing = closedAfter();
    let browser: Browser, site: HarnessSite, server: Server;
    let alice: Person, bob: Person;
    let people: Person[] = [];
    let rooms = 0;

    before(async () => {
      [browser, site, server] = await closing.opened(openBrowser('chromium'), HarnessSite.open(), Server.start(name));
    });
    afterEach(async () => {
      await Promise.all(people.map((person) => person.close()));
      people = [];
    });

    async function meet(): Promise<void> {
      const room = `scenario-${++rooms}`;
      alice = await Person.join('alice', room, { browser, site, server });
      people.push(alice);
      bob = await Person.join('bob', room, { browser, site, server });
      people.push(bob);
      await Promise.all([alice.publish(), bob.publish()]);
      await isWhole();
      await alice.page.evaluate(() => (window.harness.events.length = 0));
    }

    const isWhole = () =>
      Promise.all([
        alice.sees('bob', 'green'),
        alice.hears('bob', PEOPLE.bob.hz),
        bob.sees('alice', 'red'),
        bob.hears('alice', PEOPLE.alice.hz),
      ]);
    const simulate = (scenario: SimulationScenario, detail?: number) =>
      alice.page.evaluate((what, more) => window.harness.room.simulateScenario(what, more), scenario, detail);
    const happens = (event: string) =>
      alice.until(
        (wanted) => window.harness.events.some((each) => each.name === wanted),
        [event],
        `hears ${event}`,
        30_000,
      );

    for (const [scenario, event] of Object.entries(COME_BACK) as [SimulationScenario, string][]) {
      it(`after ${scenario} the call goes on`, async () => {
        await meet();
        await simulate(scenario);
        await happens(event);
        await happens('reconnected');
        await isWhole();
        // Ours does not switch: clients that cannot do UDP find TCP by themselves (differences.toml).
        if (scenario === 'force-tcp' && name === 'livekit-server') {
          const transports = await alice.page.evaluate(() => window.harness.transports());
          assert.deepEqual(new Set(transports), new Set(['tcp']));
        }
      });
    }

    it('server-leave ends the session', async () => {
      await meet();
      await simulate('server-leave');
      await happens('disconnected');
      await bob.isWith([]);
    });

    it('speaker names a speaker', async () => {
      await meet();
      await simulate('speaker');
      await happens('activeSpeakersChanged');
    });
  });
}
