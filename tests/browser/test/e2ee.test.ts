/**
 * End-to-end encryption of the SDKs passes through, at our server and at the real one: two in Chromium and one on PyPI `livekit` who
 * share a secret see, hear and read each other; one with another secret gets packets that mean nothing, and disturbs nobody.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { Browser } from 'puppeteer-core';
import { nearestColour, PALETTE } from '../page/palette.ts';
import { openBrowser } from '../stage/browsers.ts';
import { HarnessSite } from '../stage/bundle.ts';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { Guest } from '../stage/guest.ts';
import { Person } from '../stage/person.ts';
import { leftOutUnlessAll, Server, type ServerName } from '../stage/servers.ts';

const SECRET = 'what the three know';
const GUEST = { hz: 1320, rgb: PALETTE.cyan };

for (const name of ['visavis', 'livekit-server'] satisfies ServerName[]) {
  describe(`end-to-end encryption through ${name}`, { skip: leftOutUnlessAll(name) }, () => {
    const closing = closedAfter();
    let browser: Browser, site: HarnessSite, server: Server;
    let alice: Person, bob: Person, stranger: Person, guest: Guest;

    before(async () => {
      [browser, site, server] = await closing.opened(openBrowser('chromium'), HarnessSite.open(), Server.start(name));
      const join = (who: keyof typeof PEOPLE, secret: string) =>
        Person.join(who, 'secrets', { browser, site, server, setup: { secret } });
      alice = await join('alice', SECRET);
      await alice.publish();
      bob = await join('bob', SECRET);
      await bob.publish();
      [guest] = await closing.opened(Guest.join(server, 'secrets', SECRET));
      await guest.do('publish', GUEST);
      stranger = await join('carol', 'what nobody else knows');
    });

    /** Everyone who knows the secret sees and hears the others who do. */
    async function theThreeMeet(): Promise<void> {
      await Promise.all([
        alice.sees('bob', 'green'),
        alice.hears('bob', PEOPLE.bob.hz),
        bob.sees('alice', 'red'),
        bob.hears('alice', PEOPLE.alice.hz),
        ...[alice, bob].flatMap((person) => [person.sees('guest', 'cyan'), person.hears('guest', GUEST.hz)]),
      ]);
      for (const who of ['alice', 'bob'] as const) {
        const met = (await guest.do('meet', { who })) as { rgb: [number, number, number]; hz: number };
        assert.equal(nearestColour(met.rgb), PEOPLE[who].colour, `Python sees ${who}`);
        assert.ok(Math.abs(met.hz - PEOPLE[who].hz) < 25, `Python hears ${who} at ${met.hz} Hz`);
      }
    }

    it('who shares the secret sees and hears the others', theThreeMeet);

    it('tracks are told to be encrypted', async () => {
      await bob.until(
        () =>
          ['alice', 'guest'].every((identity) => window.harness.room.remoteParticipants.get(identity)?.isEncrypted) &&
          window.harness.room.localParticipant.isEncrypted,
        [],
        'takes all tracks for encrypted',
      );
    });

    it('data and RPC pass between those who share it, and mean nothing to the stranger', async () => {
      await alice.page.evaluate(() => window.harness.say('for the three', true, 'secret'));
      await guest.expect('data', 'alice', 'secret', 'for the three');
      await bob.until(() => window.harness.received.some(({ text }) => text === 'for the three'), [], 'reads alice');
      await guest.do('say', { text: 'from Python', reliable: true, topic: 'secret' });
      for (const person of [alice, bob]) {
        await person.until(
          () => window.harness.received.some(({ text }) => text === 'from Python'),
          [],
          'reads Python',
        );
      }
      await guest.do('answer', { method: 'greet', before: 'Hello, ' });
      const greeted = await bob.page.evaluate(() =>
        window.harness.room.localParticipant.performRpc({
          destinationIdentity: 'guest',
          method: 'greet',
          payload: 'Bob',
        }),
      );
      assert.equal(greeted, 'Hello, Bob');
      await stranger.until(
        () => window.harness.events.filter((event) => event.name === 'encryptionError').length >= 2,
        [],
        'got the packets, and could not read them',
      );
      assert.deepEqual(await stranger.page.evaluate(() => window.harness.received), []);
    });

    it('who has another secret gets packets and sees and hears nothing', async () => {
      await stranger.isWith(['alice', 'bob', 'guest']);
      for (const other of ['alice', 'bob', 'guest']) {
        await stranger.until(
          async (identity) => {
            const [picture, sound] = await Promise.all([
              window.harness.inbound(identity, 'camera' as never),
              window.harness.inbound(identity, 'microphone' as never),
            ]);
            return picture.packets > 10 && sound.packets > 50;
          },
          [other],
          `gets packets of ${other}`,
        );
        const perceived = await stranger.page.evaluate(async (identity) => {
          const { decoded } = await window.harness.inbound(identity, 'camera' as never);
          const [camera, microphone] = [
            window.harness.track(identity, 'camera' as never),
            window.harness.track(identity, 'microphone' as never),
          ];
          return { decoded, frames: camera?.sight?.frames, silent: (microphone?.sound?.db ?? -Infinity) < -80 };
        }, other);
        assert.deepEqual(perceived, { decoded: 0, frames: 0, silent: true }, `of ${other}`);
      }
    });

    it('silence of the server after a muted microphone is not decrypted', async () => {
      await bob.page.evaluate(() => (window.harness.events.length = 0));
      const before = (await bob.page.evaluate(() => window.harness.inbound('alice', 'microphone' as never))).packets;
      await alice.page.evaluate(() => window.harness.microphone(false));
      await bob.until(
        async (least) =>
          window.harness.track('alice', 'microphone' as never)?.muted === true &&
          (await window.harness.inbound('alice', 'microphone' as never)).packets >= least,
        [before + 30],
        'gets silence',
      );
      const failed = await bob.page.evaluate(() =>
        window.harness.events.filter(({ name, detail }) => name === 'encryptionError' && detail !== 'carol'),
      );
      assert.deepEqual(failed, []);
      await alice.page.evaluate(() => window.harness.microphone(true));
      await bob.hears('alice', PEOPLE.alice.hz);
    });

    it('what the stranger publishes shows nothing, and the others go on', async () => {
      await stranger.publish();
      await alice.until(
        async () => (await window.harness.inbound('carol', 'camera' as never)).packets > 10,
        [],
        'gets packets of the stranger',
        30_000,
      );
      const shown = await alice.page.evaluate(async () => ({
        decoded: (await window.harness.inbound('carol', 'camera' as never)).decoded,
        frames: window.harness.track('carol', 'camera' as never)?.sight?.frames,
      }));
      assert.deepEqual(shown, { decoded: 0, frames: 0 });
      await theThreeMeet();
    });
  });
}
