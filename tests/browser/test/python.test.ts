/** The PyPI `livekit` client and npm `livekit-client` in Chromium in one room, both directions, at our server and at the real one. */
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
import { leftOut, Server, type ServerName } from '../stage/servers.ts';

const HZ = 1320;

declare global {
  interface Window {
    /** What came in streams: the text, or the length of bytes that are as they should be. */
    streamed: (string | number)[];
  }
}

for (const name of ['visavis', 'livekit-server'] satisfies ServerName[]) {
  describe(`PyPI livekit with Chromium through ${name}`, { skip: leftOut(name) }, () => {
    const closing = closedAfter();
    let browser: Browser, site: HarnessSite, server: Server;
    let alice: Person, guest: Guest;

    before(async () => {
      [browser, site, server] = await closing.opened(openBrowser('chromium'), HarnessSite.open(), Server.start(name));
      const setup = { grant: { canUpdateOwnMetadata: true } };
      alice = await Person.join('alice', 'languages', { browser, site, server, setup });
      await alice.publish();
      [guest] = await closing.opened(Guest.join(server, 'languages'));
      await guest.do('publish', { hz: HZ, rgb: PALETTE.cyan });
      await alice.isWith(['guest']);
    });

    it('Chromium sees and hears Python', async () => {
      await Promise.all([alice.sees('guest', 'cyan'), alice.hears('guest', HZ)]);
    });

    it('Python sees and hears Chromium', async () => {
      const met = (await guest.do('meet', { who: 'alice' })) as { rgb: [number, number, number]; hz: number };
      assert.equal(nearestColour(met.rgb), PEOPLE.alice.colour);
      assert.ok(Math.abs(met.hz - PEOPLE.alice.hz) < 25, `it hears ${met.hz} Hz`);
    });

    it('data goes both ways, reliable and lossy', async () => {
      for (const reliable of [true, false]) {
        const topic = reliable ? 'surely' : 'maybe';
        await alice.page.evaluate((sure, on) => window.harness.say('from the page', sure, on), reliable, topic);
        await guest.expect('data', 'alice', topic, 'from the page');
        await guest.do('say', { text: 'from Python', reliable, topic });
        await alice.until(
          (on) =>
            window.harness.received.some(({ from, topic, text }) => from + topic + text === `guest${on}from Python`),
          [topic],
          `hears ${topic} from Python`,
        );
      }
    });

    it('frames of data tracks go both ways', async () => {
      await alice.page.evaluate(() => window.harness.pour('page', 'from the page'));
      await guest.expect('frame', 'alice', 'page', 'from the page');
      await guest.do('pour', { track: 'snake', text: 'from Python' });
      await alice.until(
        () => window.harness.frames.some(({ from, track, text }) => from + track + text === 'guestsnakefrom Python'),
        [],
        'gets frames from Python',
      );
    });

    it('metadata and attributes go both ways', async () => {
      await alice.page.evaluate(async () => {
        await window.harness.room.localParticipant.setMetadata('of the page');
        await window.harness.room.localParticipant.setAttributes({ mood: 'good' });
      });
      await guest.expect('metadata', 'alice', 'of the page');
      await guest.expect('attributes', 'alice', { mood: 'good' });
      await guest.do('tell', { metadata: 'of Python', attributes: { kind: 'snake' } });
      await alice.until(
        () => {
          const other = window.harness.room.remoteParticipants.get('guest');
          return other?.metadata === 'of Python' && other.attributes['kind'] === 'snake';
        },
        [],
        'knows the metadata and attributes of Python',
      );
    });

    it('each performs an RPC of the other', async () => {
      await guest.do('answer', { method: 'greet', before: 'Hello, ' });
      const greeted = await alice.page.evaluate(() =>
        window.harness.room.localParticipant.performRpc({
          destinationIdentity: 'guest',
          method: 'greet',
          payload: 'Alice',
        }),
      );
      assert.equal(greeted, 'Hello, Alice');
      await alice.page.evaluate(() =>
        window.harness.room.registerRpcMethod('shout', (call) => Promise.resolve(call.payload.toUpperCase())),
      );
      assert.equal(await guest.do('ask', { who: 'alice', method: 'shout', payload: 'quiet' }), 'QUIET');
    });

    it('texts and files stream both ways', async () => {
      const text = 'Grüße, 世界! '.repeat(5_000);
      await alice.page.evaluate(() => {
        window.streamed = [];
        window.harness.room.registerTextStreamHandler('texts', (reader) => {
          void reader.readAll().then((all) => window.streamed.push(all));
        });
        window.harness.room.registerByteStreamHandler('files', (reader) => {
          void reader.readAll().then((chunks) => {
            const bytes = chunks.flatMap((chunk) => [...chunk]);
            window.streamed.push(bytes.every((byte, i) => byte === i % 251) ? bytes.length : -1);
          });
        });
      });
      await guest.do('send_text', { text });
      await guest.do('send_bytes', { size: 200_000 });
      await alice.until(
        (sent) => window.streamed.includes(sent) && window.streamed.includes(200_000),
        [text],
        'has both',
      );

      await alice.page.evaluate(async (sent) => {
        const { localParticipant } = window.harness.room;
        await localParticipant.sendText(sent, { topic: 'texts' });
        const writer = await localParticipant.streamBytes({ topic: 'files', totalSize: 200_000 });
        await writer.write(Uint8Array.from({ length: 200_000 }, (_, i) => i % 251));
        await writer.close();
      }, text);
      await guest.expect('text', 'alice', text);
      await guest.expect('bytes', 'alice', 200_000, true);
    });

    it('each sees the other leave', async () => {
      await guest.leave();
      await alice.isWith([], 2_000);
    });
  });
}
