/** Three people in Chromium, by livekit-client's own default path, at our server and at the real one. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
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

/** Each of these people sees and hears each other one, by content. */
async function allMeet(people: Person[]): Promise<void> {
  await Promise.all(
    people.flatMap((person) =>
      people
        .filter((other) => other !== person)
        .flatMap((other) => {
          const looks = PEOPLE[other.name as keyof typeof PEOPLE];
          return [person.sees(other.name, looks.colour), person.hears(other.name, looks.hz)];
        }),
    ),
  );
}

/** The paths of the WebSockets that a page opens meanwhile, in order. */
async function socketsOf(person: Person, act: () => Promise<void>): Promise<string[]> {
  const session = await person.page.createCDPSession();
  const paths: string[] = [];
  session.on('Network.webSocketCreated', ({ url }) => paths.push(new URL(url).pathname));
  await session.send('Network.enable');
  await act();
  await session.detach();
  return paths;
}

for (const name of ['visavis', 'livekit-server'] satisfies ServerName[]) {
  describe(`three people through ${name}`, { skip: leftOut(name) }, () => {
    // What we promise; of livekit-server it is enough that it does the same.
    const soon = name === 'visavis' ? 2_000 : 10_000;
    const room = 'three';
    const closing = closedAfter();
    let server: Server;
    let alice: Person, bob: Person, carol: Person;

    before(async () => {
      [server] = await closing.opened(Server.start(name));
    });

    it('everyone sees the right picture and hears the right pitch of everyone', async () => {
      const cast = { browser, site, server };
      [alice] = await closing.opened(Person.join('alice', room, cast));
      await alice.publish();
      [bob] = await closing.opened(Person.join('bob', room, cast));
      await bob.publish();
      // Carol is the late joiner: both others' tracks are there before she is.
      [carol] = await closing.opened(Person.join('carol', room, cast));
      await carol.publish();
      await allMeet([alice, bob, carol]);
    });

    it('a muted microphone falls silent and is heard again', async () => {
      await Promise.all([
        bob.knowsMuted('alice', 'microphone', true),
        bob.hearsSilence('alice'),
        carol.knowsMuted('alice', 'microphone', true),
        alice.page.evaluate(() => window.harness.microphone(false)),
      ]);
      await Promise.all([
        bob.knowsMuted('alice', 'microphone', false),
        bob.hears('alice', PEOPLE.alice.hz, soon),
        carol.hears('alice', PEOPLE.alice.hz, soon),
        alice.page.evaluate(() => window.harness.microphone(true)),
      ]);
    });

    it('a camera turned off and on again is told, and its picture comes back', async () => {
      await Promise.all([
        bob.knowsMuted('alice', 'camera', true),
        carol.knowsMuted('alice', 'camera', true),
        alice.page.evaluate(() => window.harness.camera(false)),
      ]);
      await alice.page.evaluate(() => window.harness.camera(true));
      await Promise.all([bob.sees('alice', 'red', 'camera', soon), carol.sees('alice', 'red', 'camera', soon)]);
    });

    it('another camera shows within 2 s', async () => {
      await Promise.all([
        bob.sees('alice', 'yellow', 'camera', soon),
        carol.sees('alice', 'yellow', 'camera', soon),
        alice.page.evaluate(() => window.harness.switchCamera('camera-spare')),
      ]);
      await Promise.all([
        bob.sees('alice', 'red', 'camera', soon),
        alice.page.evaluate(() => window.harness.switchCamera('camera-own')),
      ]);
    });

    it('a shared screen shows beside the camera within 2 s, and goes', async () => {
      await Promise.all([
        alice.sees('bob', 'magenta', 'screen_share', soon),
        carol.sees('bob', 'magenta', 'screen_share', soon),
        bob.page.evaluate(() => window.harness.screen(true)),
      ]);
      await carol.sees('bob', 'green', 'camera', soon);
      await Promise.all([
        alice.losesTrack('bob', 'screen_share'),
        carol.losesTrack('bob', 'screen_share'),
        bob.page.evaluate(() => window.harness.screen(false)),
      ]);
    });

    it('the one who sounds is an active speaker', async () => {
      const all = [alice, bob, carol];
      const everyoneSays = (speakers: string) =>
        Promise.all(
          all.map((person) =>
            person.until((who) => window.harness.speakers().join() === who, [speakers], `speaking: ${speakers}`, 4_000),
          ),
        );
      await Promise.all(all.map((person) => person.page.evaluate(() => window.harness.microphone(false))));
      await everyoneSays('');
      await alice.page.evaluate(() => window.harness.microphone(true));
      await everyoneSays('alice');
      await Promise.all([bob, carol].map((person) => person.page.evaluate(() => window.harness.microphone(true))));
    });

    it('data reaches the others, reliable and lossy', async () => {
      const got = (from: string, text: string) =>
        [alice, carol].map((person) =>
          person.until(
            (sender, words) =>
              window.harness.received.some((packet) => packet.from === sender && packet.text === words),
            [from, text],
            `received "${text}"`,
            soon,
          ),
        );
      await Promise.all([
        ...got('bob', 'for sure'),
        bob.page.evaluate(() => window.harness.say('for sure', true, 't')),
      ]);
      await Promise.all([...got('bob', 'maybe'), bob.page.evaluate(() => window.harness.say('maybe', false, 't'))]);
    });

    it('a leave is seen within 2 s, and the one who left can come back', async () => {
      await Promise.all([
        alice.isWith(['bob'], soon),
        bob.isWith(['alice'], soon),
        carol.page.evaluate(() => window.harness.leave()),
      ]);
      const sockets = await socketsOf(carol, () => carol.connect(server, room));
      assert.deepEqual(sockets, ['/rtc/v1']);
      await carol.publish();
      await allMeet([alice, bob, carol]);
    });

    it('a reload is seen within 2 s, and the page joins again', async () => {
      await Promise.all([alice.isWith(['bob'], soon), bob.isWith(['alice'], soon), carol.page.reload()]);
      await carol.connect(server, room);
      await carol.publish();
      await allMeet([alice, bob, carol]);
    });

    it("tokens stay out of the server's log", { skip: name !== 'visavis' && 'livekit-server' }, () => {
      assert.match(server.log(), /participant_joined/);
      assert.doesNotMatch(server.log(), /eyJ/);
    });

    it('a tab closed without leaving is seen within 20 s', async () => {
      await Promise.all([alice.isWith(['bob'], 20_000), bob.isWith(['alice'], 20_000), carol.close()]);
    });
  });
}
