/** What the media server does per packet, seen from browsers: layers, codecs, ICE-TCP, and media that outlives its signalling. */
import assert from 'node:assert/strict';
import { afterEach, before, describe, it } from 'node:test';
import type { Browser } from 'puppeteer-core';
import type { TrackPublishOptions } from 'livekit-client';
import { openBrowser } from '../stage/browsers.ts';
import { HarnessSite } from '../stage/bundle.ts';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { Person, type Setup } from '../stage/person.ts';
import { SignallingProxy } from '../stage/proxy.ts';
import { leftOut, leftOutUnlessAll, Server, type ServerName } from '../stage/servers.ts';

const closing = closedAfter();
let browser: Browser;
let site: HarnessSite;

before(async () => {
  [browser, site] = await closing.opened(openBrowser('chromium'), HarnessSite.open());
});

for (const name of ['visavis', 'livekit-server'] satisfies ServerName[]) {
  describe(`media through ${name}`, { skip: leftOut(name) }, () => {
    const closing = closedAfter();
    let server: Server;
    let people: Person[] = [];
    let rooms = 0;
    const slower = name === 'livekit-server' && 'livekit-server takes 21 to 22 s here, as measured';

    before(async () => {
      [server] = await closing.opened(Server.start(name));
    });
    afterEach(async () => {
      await Promise.all(people.map((person) => person.close()));
      people = [];
    });

    /** Alice, who will publish, and Bob, alone in a new room. */
    async function pair(forAlice: Setup = {}, forBob: Setup = forAlice): Promise<[Person, Person]> {
      const room = `media-${++rooms}`;
      const alice = await Person.join('alice', room, { browser, site, server, setup: forAlice });
      people.push(alice);
      const bob = await Person.join('bob', room, { browser, site, server, setup: forBob });
      people.push(bob);
      return [alice, bob];
    }

    it('a subscriber who asks for less gets the small layer, and the large one again', async () => {
      const [alice, bob] = await pair({ plan: { largest: [640, 360] } });
      await alice.page.evaluate(() => window.harness.camera(true));
      const width = (wanted: number) =>
        bob.until(
          (pixels) => window.harness.track('alice', 'camera' as never)?.sight?.width === pixels,
          [wanted],
          `alice's picture is ${wanted} wide`,
        );
      await width(640);
      await bob.page.evaluate(() => window.harness.setQuality('alice', 'LOW'));
      await width(320);
      await bob.sees('alice', 'red');
      await bob.page.evaluate(() => window.harness.setQuality('alice', 'HIGH'));
      await width(640);
      await bob.sees('alice', 'red');
    });

    for (const codec of ['vp9', 'av1'] as const) {
      const skip = codec === 'av1' && leftOutUnlessAll(name);
      it(`a subscriber who asks for less gets the small layer of scalable ${codec}`, { skip }, async () => {
        const [alice, bob] = await pair({ plan: { largest: [640, 360] } });
        // As livekit-client publishes it, in L3T3_KEY.
        const options: TrackPublishOptions = { videoCodec: codec, backupCodec: false };
        await alice.page.evaluate((publish) => window.harness.camera(true, publish), options);
        const width = (smallest: number, largest: number) =>
          bob.until(
            (least, most) => {
              const seen = window.harness.track('alice', 'camera' as never)?.sight?.width ?? 0;
              return seen >= least && seen <= most;
            },
            [smallest, largest],
            `alice's picture is ${smallest} to ${largest} wide`,
          );
        await width(640, 640);
        assert.equal(await bob.page.evaluate(() => window.harness.codec('alice')), `video/${codec}`);
        await bob.page.evaluate(() => window.harness.setQuality('alice', 'LOW'));
        await width(100, 320);
        await bob.sees('alice', 'red');
        await bob.page.evaluate(() => window.harness.setQuality('alice', 'HIGH'));
        await width(640, 640);
        await bob.sees('alice', 'red');
      });
    }

    it('a track unsubscribed goes, and comes back when subscribed', async () => {
      const [alice, bob] = await pair();
      await alice.publish();
      await bob.sees('alice', 'red');
      await bob.page.evaluate(() => window.harness.subscribe('alice', 'camera' as never, false));
      await bob.until(() => window.harness.track('alice', 'camera' as never)?.sight === null, [], 'no picture', 2_000);
      await bob.page.evaluate(() => window.harness.subscribe('alice', 'camera' as never, true));
      await bob.sees('alice', 'red');
    });

    for (const red of [true, false]) {
      it(`a voice is heard, ${red ? 'with' : 'without'} redundancy`, async () => {
        const [alice, bob] = await pair({ room: { publishDefaults: { red } } });
        await alice.page.evaluate(() => window.harness.microphone(true));
        await bob.hears('alice', PEOPLE.alice.hz);
        // Statistics name only what is inside.
        const told = await bob.page.evaluate(
          () =>
            window.harness.room.remoteParticipants.get('alice')?.getTrackPublication('microphone' as never)?.mimeType,
        );
        assert.equal(told, red ? 'audio/red' : 'audio/opus');
      });
    }

    for (const codec of ['vp8', 'h264', 'vp9', 'av1'] as const) {
      it(`${codec} in one layer is forwarded`, async (test) => {
        const [alice, bob] = await pair();
        const canSend = await alice.page.evaluate(
          (wanted) =>
            RTCRtpSender.getCapabilities('video')?.codecs.some(({ mimeType }) => mimeType.toLowerCase() === wanted),
          `video/${codec}`,
        );
        if (!canSend) {
          test.skip(`this Chromium cannot send ${codec}`);
          return;
        }
        const options: TrackPublishOptions = { videoCodec: codec, backupCodec: false, simulcast: false };
        if (codec === 'vp9' || codec === 'av1') options.scalabilityMode = 'L1T1' as never;
        await alice.page.evaluate((publish) => window.harness.camera(true, publish), options);
        await bob.sees('alice', 'red');
        const flowing = await bob.page.evaluate(() => window.harness.codec('alice'));
        assert.equal(flowing, `video/${codec}`);
      });
    }

    it('media flows over ICE-TCP where UDP is blocked', async () => {
      const [alice, bob] = await pair({ onlyTcp: true });
      await Promise.all([alice.publish(), bob.publish()]);
      await Promise.all([
        alice.sees('bob', PEOPLE.bob.colour),
        alice.hears('bob', PEOPLE.bob.hz),
        bob.sees('alice', PEOPLE.alice.colour),
        bob.hears('alice', PEOPLE.alice.hz),
      ]);
      for (const person of [alice, bob]) {
        const transports = await person.page.evaluate(() => window.harness.transports());
        assert.deepEqual(new Set(transports), new Set(['tcp']));
      }
    });

    it('after a dropped socket the session resumes, with media uninterrupted', async (test) => {
      const proxy = await SignallingProxy.before(Number(new URL(server.http).port));
      test.after(() => proxy[Symbol.asyncDispose]());
      const [alice, bob] = await pair({ url: proxy.ws }, {});
      await Promise.all([alice.publish(), bob.publish()]);
      await Promise.all([alice.sees('bob', 'green'), bob.sees('alice', 'red'), bob.hears('alice', PEOPLE.alice.hz)]);
      // The longest time between two frames of Bob's picture, in Alice's page, while her socket is dropped and restored.
      await alice.page.evaluate(() => {
        const video = document.querySelector<HTMLVideoElement>('video[data-identity=bob]');
        if (!video) throw new Error('no picture of bob');
        let last = performance.now();
        window.longestGap = 0;
        const frame = () => {
          window.longestGap = Math.max(window.longestGap ?? 0, performance.now() - last);
          last = performance.now();
          video.requestVideoFrameCallback(frame);
        };
        video.requestVideoFrameCallback(frame);
        window.harness.events.length = 0;
      });
      proxy.drop();
      await alice.until(
        () =>
          window.harness.events.some((event) => event.name === 'signalReconnecting') &&
          window.harness.events.some((event) => event.name === 'reconnected'),
        [],
        'the session resumed',
      );
      await Promise.all([alice.sees('bob', 'green'), bob.sees('alice', 'red'), bob.hears('alice', PEOPLE.alice.hz)]);
      const { gap, events } = await alice.page.evaluate(() => ({
        gap: window.longestGap ?? Infinity,
        events: window.harness.events.map((event) => event.name),
      }));
      assert.ok(!events.includes('reconnecting'), `a resume, not a full reconnect: ${events.join()}`);
      assert.ok(!events.includes('trackUnsubscribed'), `no track was lost: ${events.join()}`);
      assert.ok(gap < 1_000, `the picture stood still for ${Math.round(gap)} ms`);
    });

    it('after the server itself came back the session is whole again', async () => {
      const [alice, bob] = await pair();
      await Promise.all([alice.publish(), bob.publish()]);
      await Promise.all([alice.sees('bob', 'green'), bob.sees('alice', 'red')]);
      for (const person of [alice, bob]) await person.page.evaluate(() => (window.harness.events.length = 0));
      await server.kill();
      for (const person of [alice, bob]) {
        await person.until(() => window.harness.state() !== 'connected', [], 'it noticed the loss');
      }
      await server.start();
      await Promise.all(
        [alice, bob].map((person) => person.until(() => window.harness.state() === 'connected', [], 'back', 30_000)),
      );
      await Promise.all([alice.isWith(['bob']), bob.isWith(['alice'])]);
      await Promise.all([
        alice.sees('bob', 'green'),
        bob.sees('alice', 'red'),
        alice.hears('bob', PEOPLE.bob.hz),
        bob.hears('alice', PEOPLE.alice.hz),
      ]);
    });

    it('a page that crashes and a machine that vanishes are gone within 20 s', { skip: slower }, async (test) => {
      const proxy = await SignallingProxy.before(Number(new URL(server.http).port));
      test.after(() => proxy[Symbol.asyncDispose]());
      const [crashing, left] = await pair();
      const [vanishing, deserted] = await pair({ url: proxy.ws }, {});
      await Promise.all([crashing.publish(), vanishing.publish()]);
      await Promise.all([left.sees('alice', 'red'), deserted.sees('alice', 'red')]);
      // Its socket stays open without a word; that of the crashed page is closed by the browser.
      proxy.freeze();
      await Promise.all([
        left.isWith([], 20_000),
        deserted.isWith([], 20_000),
        ...[crashing, vanishing].map((person) => person.crash()),
      ]);
    });

    it('a second session of the same identity ends the first', async () => {
      const [, bob] = await pair();
      const again = await Person.join('bob', `media-${rooms}`, { browser, site, server });
      people.push(again);
      await bob.until(() => window.harness.state() === 'disconnected', [], 'the first session ended', 2_000);
      await again.isWith(['alice']);
    });
  });
}

declare global {
  interface Window {
    longestGap?: number;
  }
}
