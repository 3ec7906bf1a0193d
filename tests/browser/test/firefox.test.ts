/** Firefox and Chromium in one room, both directions, at our server and at the real one. */
import { before, describe, it } from 'node:test';
import type { Browser } from 'puppeteer-core';
import { openBrowser } from '../stage/browsers.ts';
import { HarnessSite } from '../stage/bundle.ts';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { Person } from '../stage/person.ts';
import { leftOut, Server, type ServerName } from '../stage/servers.ts';
import { Visitor } from '../stage/visitor.ts';

const closing = closedAfter();
let chromium: Browser;
let site: HarnessSite;

before(async () => {
  [chromium, site] = await closing.opened(openBrowser('chromium'), HarnessSite.open());
});

for (const name of ['visavis', 'livekit-server'] satisfies ServerName[]) {
  describe(`Firefox with Chromium through ${name}`, { skip: leftOut(name) }, () => {
    // What we promise; of livekit-server it is enough that it does the same.
    const soon = name === 'visavis' ? 2_000 : 10_000;
    const closing = closedAfter();
    let server: Server, firefox: Browser;
    let alice: Person, bob: Person;

    before(async () => {
      const isEased = name === 'livekit-server';
      [server, firefox] = await closing.opened(Server.start(name), openBrowser('firefox', { isEased }));
      [alice] = await closing.opened(Person.join('alice', 'mixed', { browser: chromium, site, server }));
      await alice.publish();
      [bob] = await closing.opened(Person.join('bob', 'mixed', { browser: firefox, site, server }));
      await bob.publish();
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
        alice.hears('bob', PEOPLE.bob.hz, soon),
        bob.page.evaluate(() => window.harness.microphone(true)),
      ]);
    });

    it('a screen shared from Firefox shows in Chromium within 2 s, and goes', async () => {
      await Promise.all([
        alice.sees('bob', 'magenta', 'screen_share', soon),
        bob.page.evaluate(() => window.harness.screen(true)),
      ]);
      await Promise.all([
        alice.losesTrack('bob', 'screen_share'),
        bob.page.evaluate(() => window.harness.screen(false)),
      ]);
    });

    it('Firefox sees Chromium leave within 2 s', async () => {
      await Promise.all([bob.isWith([], soon), alice.page.evaluate(() => window.harness.leave())]);
    });
  });
}

describe('our page in Firefox, with Chromium', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let server: Server, firefox: Browser;
  let alice: Visitor, bob: Visitor;

  before(async () => {
    [server, firefox] = await closing.opened(Server.start('visavis'), openBrowser('firefox'));
    [alice] = await closing.opened(Visitor.open(chromium, 'alice', { at: server.http }));
    [bob] = await closing.opened(Visitor.open(firefox, 'bob', { at: server.http }));
    await Promise.all([alice.callMyself('alice'), bob.callMyself('bob')]);
  });

  it('a room made in Firefox is joined from Chromium, and they see and hear each other', async () => {
    await bob.createRoom('mixed');
    await alice.joinByClick('mixed');
    await Promise.all([
      alice.sees('bob', PEOPLE.bob.colour),
      alice.hears(PEOPLE.bob.hz),
      bob.sees('alice', PEOPLE.alice.colour),
      bob.hears(PEOPLE.alice.hz),
    ]);
  });

  it('who leaves in Firefox is gone in Chromium within 2 s', async () => {
    await Promise.all([alice.losesSight('bob', 2_000), bob.leave()]);
  });
});
