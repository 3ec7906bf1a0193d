/** A camera in VP9 with VP8 as backup codec, for browsers that decode the one and for those that do not. */
import assert from 'node:assert/strict';
import { afterEach, before, describe, it } from 'node:test';
import type { Browser } from 'puppeteer-core';
import type { TrackPublishOptions } from 'livekit-client';
import { openBrowser } from '../stage/browsers.ts';
import { HarnessSite } from '../stage/bundle.ts';
import { closedAfter } from '../stage/closing.ts';
import { PATIENCE, Person, type Setup } from '../stage/person.ts';
import { leftOut, Server, type ServerName } from '../stage/servers.ts';

const closing = closedAfter();
let browser: Browser;
let site: HarnessSite;

/** LiveKit's `BackupCodecPolicy`. */
const PREFER_REGRESSION = 0;
const SIMULCAST = 1;

before(async () => {
  [browser, site] = await closing.opened(openBrowser('chromium'), HarnessSite.open());
});

for (const name of ['visavis', 'livekit-server'] satisfies ServerName[]) {
  describe(`backup codecs through ${name}`, { skip: leftOut(name) }, () => {
    const closing = closedAfter();
    let server: Server;
    let people: Person[] = [];
    let rooms = 0;

    before(async () => {
      [server] = await closing.opened(Server.start(name));
    });
    afterEach(async () => {
      await Promise.all(people.map((person) => person.close()));
      people = [];
    });

    /** Alice, who will publish; Bob, who decodes all; and Carol, whose browser has no VP9. */
    async function three(singlePeerConnection: boolean): Promise<[Person, Person, Person]> {
      const room = `backup-${++rooms}`;
      const join = async (who: 'alice' | 'bob' | 'carol', setup: Setup = {}) => {
        const options = { browser, site, server, setup: { room: { singlePeerConnection }, ...setup } };
        const person = await Person.join(who, room, options);
        people.push(person);
        return person;
      };
      return [await join('alice'), await join('bob'), await join('carol', { undecodable: ['video/VP9'] })];
    }

    async function publish(alice: Person, policy: number): Promise<void> {
      const options = { videoCodec: 'vp9', backupCodec: { codec: 'vp8' }, backupCodecPolicy: policy };
      await alice.page.evaluate((publish) => window.harness.camera(true, publish), options as TrackPublishOptions);
    }

    /** Waits until pictures come in this codec. */
    async function gets(person: Person, codec: string): Promise<void> {
      const flows = async (wanted: string) => (await window.harness.codec('alice')) === wanted;
      await person.until(flows, [codec], `alice's camera comes as ${codec}`, PATIENCE);
      await person.sees('alice', 'red');
    }

    for (const single of [false, true]) {
      const connections = single ? 'one connection' : 'two connections';

      it(`each gets what it can decode, with ${connections}`, async () => {
        const [alice, bob, carol] = await three(single);
        await publish(alice, SIMULCAST);
        await Promise.all([gets(bob, 'video/vp9'), gets(carol, 'video/vp8')]);
        assert.equal(await bob.page.evaluate(() => window.harness.codec('alice')), 'video/vp9');
      });

      it(`a small room goes over to the backup codec, with ${connections}`, async () => {
        const [alice, bob, carol] = await three(single);
        await publish(alice, PREFER_REGRESSION);
        await Promise.all([gets(bob, 'video/vp8'), gets(carol, 'video/vp8')]);
      });
    }

    it('muting, unmuting and unpublishing concern both codecs', async () => {
      const [alice, bob, carol] = await three(false);
      await publish(alice, SIMULCAST);
      await Promise.all([gets(bob, 'video/vp9'), gets(carol, 'video/vp8')]);
      await alice.page.evaluate(() => window.harness.camera(false));
      await Promise.all([bob, carol].map((person) => person.knowsMuted('alice', 'camera', true)));
      await alice.page.evaluate(() => window.harness.camera(true));
      await Promise.all([bob, carol].map((person) => person.knowsMuted('alice', 'camera', false)));
      // Not Carol: Chromium encodes no frame of the clone that livekit-client makes of the new camera for its backup codec.
      await gets(bob, 'video/vp9');
      await alice.page.evaluate(() => window.harness.unpublish('camera' as never));
      await Promise.all([bob, carol].map((person) => person.losesTrack('alice', 'camera', PATIENCE)));
    });
  });
}
