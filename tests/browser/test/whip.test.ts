/** A page publishes by WHIP, as OBS and encoders do, and another sees and hears it. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { Browser } from 'puppeteer-core';
import { openBrowser } from '../stage/browsers.ts';
import { HarnessSite } from '../stage/bundle.ts';
import { closedAfter } from '../stage/closing.ts';
import { devicesOf, PEOPLE } from '../stage/devices.ts';
import { openPage, Person } from '../stage/person.ts';
import { leftOutUnlessAll, Server, type ServerName } from '../stage/servers.ts';

for (const name of ['visavis', 'livekit-server'] satisfies ServerName[]) {
  describe(`WHIP through ${name}`, { skip: leftOutUnlessAll(name) }, () => {
    const closing = closedAfter();
    let browser: Browser, site: HarnessSite, server: Server;

    before(async () => {
      [browser, site, server] = await closing.opened(openBrowser('chromium'), HarnessSite.open(), Server.start(name));
    });

    it('what is published shows and sounds, and ends with its session', async () => {
      const bob = await Person.join('bob', 'whip', { browser, site, server });
      const encoder = await openPage(browser, site.url, devicesOf(PEOPLE.alice));
      const token = await server.token('alice', 'whip');

      const session = await encoder.evaluate(
        async (endpoint, bearer) => {
          const connection = new RTCPeerConnection();
          const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
          for (const track of stream.getTracks())
            connection.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
          await connection.setLocalDescription();
          const answer = await fetch(endpoint, {
            method: 'POST',
            headers: { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/sdp' },
            body: connection.localDescription!.sdp,
          });
          await connection.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
          Object.assign(window, { connection });
          return new URL(answer.headers.get('Location')!, endpoint).href;
        },
        `${server.http}/whip/v1`,
        token,
      );
      await Promise.all([bob.sees('alice', 'red'), bob.hears('alice', PEOPLE.alice.hz)]);

      const ended = await fetch(session, { method: 'DELETE', headers: { Authorization: `Bearer ${token}` } });
      assert.equal(ended.status, 200);
      await bob.isWith([]);
    });
  });
}
