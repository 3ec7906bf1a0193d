/** Encryption from end to end on our page: by a key in the link, which no server gets; who lacks it is told why nothing is seen. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { Browser, CDPSession } from 'puppeteer-core';
import { violations } from '../stage/access.ts';
import { openBrowser, type BrowserName } from '../stage/browsers.ts';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { leftOut, Server } from '../stage/servers.ts';
import { testId, Visitor, type Visit } from '../stage/visitor.ts';

const KEY = 'AAECAwQFBgcICQoLDA0ODw';
const OTHER_KEY = 'Dw4NDAsKCQgHBgUEAwIBAA';

/** Everything that a page sends by HTTP and WebSocket, as text: addresses, headers, bodies, frames. */
class Sent {
  readonly texts: string[] = [];

  static async by(visitor: Visitor): Promise<Sent> {
    const sent = new Sent();
    const cdp: CDPSession = await visitor.cdp();
    cdp.on('Network.requestWillBeSent', ({ request }) =>
      sent.texts.push(request.url, JSON.stringify(request.headers), request.postData ?? ''),
    );
    cdp.on('Network.requestWillBeSentExtraInfo', ({ headers }) => sent.texts.push(JSON.stringify(headers)));
    cdp.on('Network.webSocketCreated', ({ url }) => sent.texts.push(url));
    cdp.on('Network.webSocketFrameSent', ({ response: { opcode, payloadData } }) =>
      sent.texts.push(opcode === 1 ? payloadData : Buffer.from(payloadData, 'base64').toString('latin1')),
    );
    await cdp.send('Network.enable');
    return sent;
  }
}

async function hashOf(visitor: Visitor): Promise<string> {
  return visitor.page.evaluate(() => location.hash);
}

describe('encryption from end to end on our page', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let browser: Browser, server: Server;
  let alice: Visitor, bob: Visitor;
  let link: string;

  const visit = async (name: keyof typeof PEOPLE, path: string, more: Partial<Visit> = {}): Promise<Visitor> => {
    const [visitor] = await closing.opened(Visitor.open(browser, name, { at: server.http, path, ...more }));
    return visitor;
  };

  before(async () => {
    [browser, server] = await closing.opened(openBrowser('chromium'), Server.start('visavis'));
  });

  it('a room that is made encrypted has its key in the address, and says so in words', async () => {
    alice = await visit('alice', '/');
    await alice.callMyself('alice');
    await alice.fill('room-input', 'alpha');
    await alice.click('create-encrypted');
    await alice.click('create-room');
    await alice.isIn('alpha');
    await alice.shows('encrypted', { text: 'Encrypted from end to end' });
    link = await hashOf(alice);
    assert.match(link, /^#e2ee=[A-Za-z0-9_-]{22}$/);
  });

  it('who has the link sees, hears and reads the other, and the key is sent nowhere', async () => {
    bob = await visit('bob', '/');
    const sent = await Sent.by(bob);
    await bob.callMyself('bob');
    await bob.page.goto(`${server.http}/r/alpha${link}`);
    await bob.isIn('alpha');
    await Promise.all([bob.sees('alice', 'red'), alice.sees('bob', 'green')]);
    await Promise.all([bob.hears(PEOPLE.alice.hz), alice.hears(PEOPLE.bob.hz)]);
    await alice.click('toggle-chat');
    await alice.fill('chat-input', 'for the two of us');
    await alice.press('Enter');
    await bob.click('toggle-chat');
    await bob.shows('message', { text: 'for the two of us' });
    assert.ok(
      sent.texts.some((text) => text.includes('/rtc')),
      'the page has been listened to',
    );
    const key = link.slice('#e2ee='.length);
    assert.deepEqual(
      sent.texts.filter((text) => text.includes(key)),
      [],
    );
  });

  it('the server keeps nothing of the chat, and the page says that it cannot', async () => {
    await alice.click('encrypted');
    await alice.shows('encryption-dialog', { text: 'The server cannot see or hear you.' });
    await alice.shows('encryption-unavailable', { text: 'who comes later does not see what was written before' });
    await alice.click('close-encryption');
    // Who comes without a key asks the server for what was said before.
    const carol = await visit('carol', '/r/alpha');
    await carol.isIn('alpha');
    await carol.click('toggle-chat');
    await carol.shows('chat-log');
    await carol.hides('message');
    await carol.close();
  });

  it('who comes without the key sees and hears nothing, and all are told why', async () => {
    const carol = await visit('carol', '/');
    await carol.callMyself('carol');
    await carol.page.goto(`${server.http}/r/alpha`);
    await carol.isIn('alpha');
    await carol.shows('tile-stranger', {
      more: '[data-why="own-key-missing"]',
      text: 'alice is encrypted and your link has no key: you cannot see or hear each other.',
    });
    await carol.shows('notice', { text: 'your link has no key' });
    for (const person of [alice, bob]) {
      await person.shows('tile-stranger', {
        more: '[data-why="no-key"]',
        text: 'carol has joined without the key: you cannot see or hear each other.',
      });
    }
    // Their pictures and sounds are not even asked for, neither here nor there.
    const played = (visitor: Visitor, who: string) =>
      visitor.page.evaluate(
        (tiles, name) =>
          [...document.querySelectorAll<HTMLElement>(tiles)].filter((tile) => tile.innerText.includes(name)).length >
            0 &&
          [...document.querySelectorAll<HTMLElement>(tiles)].some(
            (tile) => tile.innerText.includes(name) && tile.querySelector('video'),
          ),
        testId('tile', '[data-local="false"]'),
        who,
      );
    assert.deepEqual(
      await Promise.all([played(carol, 'alice'), played(carol, 'bob'), played(alice, 'carol'), played(bob, 'carol')]),
      [false, false, false, false],
    );
    assert.equal(await carol.page.evaluate(() => document.querySelectorAll('audio').length), 0);
    const received = (visitor: Visitor) =>
      visitor.page.evaluate(
        () =>
          window.peerConnections
            .flatMap((connection) => connection.getTransceivers())
            .filter(
              ({ currentDirection, receiver }) => currentDirection === 'recvonly' && receiver.track.kind === 'audio',
            ).length,
      );
    // Alice and Bob receive each other's.
    assert.deepEqual(await Promise.all([carol, alice, bob].map(received)), [0, 1, 1]);
    // Encrypted, and those who have the key go on.
    await Promise.all([bob.sees('alice', 'red'), alice.sees('bob', 'green')]);
    await carol.close();
    await alice.hides('tile-stranger');
  });

  it('axe has nothing to complain about, and on a phone nothing scrolls sideways', async () => {
    const carol = await visit('carol', '/r/alpha', { size: { width: 360, height: 640 } });
    await carol.shows('tile-stranger');
    assert.deepEqual(await violations(carol), []);
    await (await carol.find('notice', ' button')).click();
    await carol.click('not-encrypted');
    await carol.shows('encryption-dialog');
    assert.deepEqual(await violations(carol), []);
    assert.ok(await carol.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await carol.close();
    // By the keyboard: a notice may be over it.
    await (await alice.find('encrypted')).press('Enter');
    await alice.shows('encryption-dialog');
    assert.deepEqual(await violations(alice), []);
    await alice.click('close-encryption');
  });

  it('who has another key is told so, and so are the others', async () => {
    const carol = await visit('carol', '/');
    await carol.callMyself('carol');
    await carol.page.goto(`${server.http}/r/alpha#e2ee=${OTHER_KEY}`);
    await carol.isIn('alpha');
    await carol.shows('tile-stranger', { more: '[data-why="other-key"]', text: 'alice has another key' });
    await alice.shows('tile-stranger', { more: '[data-why="other-key"]', text: 'carol has another key' });
    const frames = await carol.page.evaluate(() =>
      [...document.querySelectorAll<HTMLVideoElement>('[data-local="false"] video')].map(
        (video) => window.senses.see(video).rgb,
      ),
    );
    assert.ok(frames.every((rgb) => rgb === null));
    await carol.close();
  });

  it('a reload keeps the key, leaving drops it from the address, and coming back by the list has it again', async () => {
    await bob.page.reload();
    await bob.isIn('alpha');
    await bob.sees('alice', 'red');
    await bob.leave();
    assert.equal(await bob.page.evaluate(() => location.pathname + location.hash), '/');
    await bob.joinByClick('alpha');
    await bob.sees('alice', 'red');
    assert.equal(await hashOf(bob), link);
  });

  it('with a damaged key nobody joins', async () => {
    const carol = await visit('carol', '/r/alpha#e2ee=AAEC');
    await carol.shows('notice', { text: 'The key in the link is damaged. Ask for the whole link.' });
    await carol.shows('home');
    await carol.close();
  });

  it('a call that is not encrypted can be, by a new link, which those who are there open', async () => {
    await alice.page.goto(`${server.http}/r/beta`);
    await bob.page.goto(`${server.http}/r/beta`);
    await bob.sees('alice', 'red');
    await alice.click('not-encrypted');
    await alice.shows('encryption-dialog', { text: 'The server itself could see and hear it.' });
    await alice.click('encrypt');
    await alice.shows('encrypted');
    await bob.shows('tile-stranger', { more: '[data-why="own-key-missing"]', text: 'alice' });
    const hash = await hashOf(alice);
    // As a click on the link in the same tab: nothing is loaded anew.
    await bob.page.evaluate((fragment) => (location.hash = fragment), hash);
    await bob.sees('alice', 'red');
    await alice.sees('bob', 'green');
    await alice.hides('tile-stranger');
  });
});

for (const name of ['firefox'] satisfies BrowserName[]) {
  describe(`encryption from end to end in ${name}`, { skip: leftOut('visavis') }, () => {
    const closing = closedAfter();

    it('meets Chromium by the same link', async () => {
      const [firefox, chromium, server] = await closing.opened(
        openBrowser(name),
        openBrowser('chromium'),
        Server.start('visavis'),
      );
      const path = `/r/alpha#e2ee=${KEY}`;
      const open = (browser: Browser, who: keyof typeof PEOPLE) =>
        Visitor.open(browser, who, { at: server.http, path });
      const [alice, bob] = await closing.opened(open(firefox, 'alice'), open(chromium, 'bob'));
      await Promise.all([alice.isIn('alpha'), bob.isIn('alpha')]);
      await Promise.all([alice.sees('', 'green'), bob.sees('', 'red')]);
    });
  });
}
