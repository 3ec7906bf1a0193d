/** What people do beside seeing and hearing each other on our page: chat, files, reactions, hands, captions. In one call. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ElementHandle } from 'puppeteer-core';
import { HarnessSite } from '../stage/bundle.ts';
import { closedAfter } from '../stage/closing.ts';
import { devicesOf, PEOPLE } from '../stage/devices.ts';
import { Guest } from '../stage/guest.ts';
import { openPage } from '../stage/person.ts';
import { leftOut } from '../stage/servers.ts';
import { Stage } from '../stage/visit.ts';
import { testId, type Visitor } from '../stage/visitor.ts';

describe('talk on our page', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let stage: Stage;
  let alice: Visitor, bob: Visitor;
  let folder: string;

  before(async () => {
    [stage] = await closing.opened(Stage.open());
    folder = await mkdtemp(join(tmpdir(), 'visavis-talk-'));
    [alice, bob] = await Promise.all([stage.visitor('alice'), stage.visitor('bob')]);
    await Promise.all([alice.callMyself('Alice'), bob.callMyself('Bob')]);
    await alice.createRoom('talk');
    await bob.joinByClick('talk');
    await alice.shows('tile', { text: 'Bob' });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function says(visitor: Visitor, text: string): Promise<void> {
    await (await visitor.find('chat-input')).type(text);
    await visitor.press('Enter');
    await visitor.shows('message', { more: '[data-own="true"][data-state="sent"]', text });
  }

  async function shares(visitor: Visitor, name: string, bytes: Uint8Array): Promise<void> {
    const path = join(folder, name);
    await writeFile(path, bytes);
    const input = (await visitor.page.$(testId('file-input'))) as ElementHandle<HTMLInputElement> | null;
    await input?.uploadFile(path);
  }

  const link = () =>
    bob.page.$eval(testId('message', ' a'), (element) => {
      const { href, target, rel } = element as HTMLAnchorElement;
      return { href, target, rel };
    });

  it('a message is unread, announced, then read, with a link that is safe to click', async () => {
    await alice.click('toggle-chat');
    await says(alice, 'See https://example.org/plan and <b>javascript:alert(1)</b>');
    await bob.shows('unread', { text: '1' });
    await bob.until(
      (announcer) => document.querySelector(announcer)?.textContent.includes('Alice: See'),
      [testId('announcer')],
      'the message announced',
    );
    await bob.click('toggle-chat');
    await bob.shows('message', { text: '<b>javascript:alert(1)</b>' });
    await bob.hides('unread');
    assert.deepEqual(await link(), {
      href: 'https://example.org/plan',
      target: '_blank',
      rel: 'noopener noreferrer nofollow',
    });
  });

  it('a reply quotes what it is to', async () => {
    await (await bob.find('message')).hover();
    await bob.click('reply');
    await bob.shows('composer-reply', { text: 'Reply to Alice' });
    await says(bob, 'I see it');
    await alice.shows('message-quote', { text: 'You See https://example.org' });
    await alice.shows('message', { text: 'I see it', more: '[data-own="false"]' });
  });

  it('Escape closes the chat and gives the focus back to its button', async () => {
    await (await bob.find('chat-input')).focus();
    await bob.press('Escape');
    await bob.hides('chat');
    await bob.until((button) => document.activeElement?.matches(button), [testId('toggle-chat')], 'focus is back');
  });

  it('who joins later reads what was said, also by who reloads', async () => {
    const carol = await stage.visitor('carol', { path: '/r/talk' });
    await carol.isIn('talk');
    await carol.click('toggle-chat');
    await carol.shows('message', { text: 'See https://example.org/plan', more: '[data-own="false"]' });
    await carol.shows('message', { text: 'I see it' });
    await carol.close();
    await bob.page.reload();
    await bob.isIn('talk');
    await bob.click('toggle-chat');
    await bob.shows('message', { text: 'I see it', more: '[data-own="true"]' });
  });

  it('a picture is got, seen and can be saved by its name; a script in a picture is not run', async () => {
    // A PNG of one pixel, with enough behind it for several parts.
    const png = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64',
    );
    await shares(alice, 'view.png', Buffer.concat([png, Buffer.alloc(2_500_000)]));
    await bob.shows('file', { text: '2.6 MB' });
    await bob.click('get-file');
    await bob.until(
      (picture) => (document.querySelector<HTMLImageElement>(picture)?.naturalWidth ?? 0) > 0,
      [testId('file-picture')],
      'the picture is shown',
    );
    assert.equal(await bob.page.$eval(testId('save-file'), (a) => (a as HTMLAnchorElement).download), 'view.png');

    await shares(alice, 'drawing.svg', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>'));
    await bob.shows('file', { text: 'drawing.svg' });
    await bob.click('get-file');
    await bob.until(
      (saves) => document.querySelectorAll(saves).length === 2,
      [testId('save-file')],
      'the file is here',
    );
    const types = await bob.page.$$eval(testId('save-file'), (links) =>
      Promise.all(links.map(async (a) => (await (await fetch((a as HTMLAnchorElement).href)).blob()).type)),
    );
    assert.deepEqual(types, ['image/png', 'application/octet-stream']);
    assert.equal((await bob.page.$$(testId('file-picture'))).length, 1);
  });

  it('a file of 25 MB comes whole', async () => {
    const bytes = randomBytes(25_000_000);
    await shares(alice, 'film.bin', bytes);
    await bob.shows('file', { text: 'film.bin', within: 30_000 });
    await bob.click('get-file');
    await bob.until(
      (saves) => [...document.querySelectorAll<HTMLAnchorElement>(saves)].some((a) => a.download === 'film.bin'),
      [testId('save-file')],
      'the file is here',
      60_000,
    );
    const digest = await bob.page.$$eval(testId('save-file'), async (links) => {
      const link = links.find((a) => (a as HTMLAnchorElement).download === 'film.bin') as HTMLAnchorElement;
      const got = await (await fetch(link.href)).arrayBuffer();
      return [...new Uint8Array(await crypto.subtle.digest('SHA-256', got))];
    });
    assert.deepEqual(digest, [...createHash('sha256').update(bytes).digest()]);
  });

  it('a file that is too large is refused with words', async () => {
    await shares(alice, 'film.mov', new Uint8Array(25_000_001));
    await alice.shows('file-problem', { text: '“film.mov” has 25.1 MB. Files up to 25 MB can be shared.' });
  });

  it('a reaction floats over the tile of who sent it', async () => {
    await bob.click('open-reactions');
    await Promise.all([
      alice.shows('tile', { more: '[data-local="false"]', text: '🎉', within: 2_000 }),
      bob.click('reaction', '[data-sign="🎉"]'),
    ]);
    await bob.press('Escape');
    await alice.hides('tile-reactions');
  });

  it('hands are raised in order, seen by who comes later, and lowered', async () => {
    await bob.click('toggle-hand');
    await alice.shows('tile-hand', { text: '1' });
    await alice.click('toggle-hand');
    const carol = await stage.visitor('carol', { path: '/r/talk' });
    await carol.isIn('talk');
    await carol.click('toggle-people');
    const order = async (visitor: Visitor) =>
      visitor.page.$$eval(testId('person'), (rows) =>
        (rows as HTMLElement[]).map((row) => `${row.dataset['hand'] ?? ''} ${row.innerText.replaceAll(/\s+/g, ' ')}`),
      );
    await carol.shows('person', { more: '[data-hand="2"]', text: 'Alice' });
    assert.match((await order(carol)).join('; '), /^1 B Bob 1; 2 A Alice 2; {2}G\d Guest \d+ \(you\)$/);
    await carol.close();
    await bob.click('toggle-hand');
    await alice.click('toggle-people');
    await alice.shows('person', { more: '[data-hand="1"]', text: 'Alice' });
    await alice.hides('person', { more: '[data-hand="2"]' });
  });

  it('the chat of components-react meets ours, and each message is there once', async () => {
    await alice.click('close-people');
    await alice.click('toggle-chat');
    await closing.opened(HarnessSite.open());
    const query = new URLSearchParams({ url: stage.server.ws, token: await stage.server.token('carol', 'talk') });
    const page = await openPage(stage.browser, `${HarnessSite.url}components?${query}`, devicesOf(PEOPLE.carol));
    await page.setViewport({ width: 1000, height: 700 });
    // The preview comes first: a form that is filled in before is drawn anew with it.
    await page.waitForFunction(() => document.querySelector<HTMLVideoElement>('.lk-prejoin video')?.videoWidth);
    await page.locator('#username').fill('carol');
    // Not by the pointer: tiles of a room that fills up move under it.
    const press = async (button: string) =>
      (await page.waitForSelector(button))?.evaluate((it) => (it as HTMLElement).click());
    await press('.lk-join-button:not([disabled])');
    await press('.lk-chat-toggle');
    await page.locator('.lk-chat-form-input').fill('Hello from components');
    await press('.lk-chat-form-button:not([disabled])');
    await alice.shows('message', { text: 'Hello from components' });
    await says(alice, 'Hello, components');
    const read = await page.waitForFunction(() => {
      const entries = [...document.querySelectorAll<HTMLElement>('.lk-chat-entry')].map((entry) => entry.innerText);
      return entries.some((text) => text.includes('Hello, components')) && entries.length;
    });
    assert.equal(await read.jsonValue(), 2);
    await page.browserContext().close();
  });

  it('another LiveKit client chats with the page, and its captions and files are shown', async () => {
    const [guest] = await closing.opened(Guest.join(stage.server, 'talk'));
    await alice.shows('tile', { text: 'guest' });
    await guest.do('send_text', { topic: 'lk.chat', text: 'Hello from Python' });
    await alice.shows('message', { text: 'Hello from Python' });
    const own = await bob.page.evaluate(() => sessionStorage.getItem('visavis.identity'));
    await says(bob, 'Hello, snake');
    await guest.expect('text', own, 'Hello, snake');

    await guest.do('send_bytes', { topic: 'lk.files', size: 100_000 });
    await alice.shows('file', { text: 'some.bin' });
    await alice.shows('save-file');

    const caption = (text: string, final: string) =>
      guest.do('send_text', {
        topic: 'lk.transcription',
        text,
        attributes: { 'lk.segment_id': 'SG_1', 'lk.transcription_final': final },
      });
    await caption('Good mourning', 'false');
    await alice.shows('caption', { more: '[data-final="false"]', text: 'guest Good mourning' });
    await caption('Good morning.', 'true');
    await alice.shows('caption', { more: '[data-final="true"]', text: 'guest Good morning.' });
    assert.equal((await alice.page.$$(testId('caption'))).length, 1);
    await alice.click('toggle-captions');
    await alice.hides('captions');
    await guest.leave();
  });

  it('who joins later reads also what other clients said', async () => {
    const carol = await stage.visitor('carol', { path: '/r/talk' });
    await carol.isIn('talk');
    await carol.click('toggle-chat');
    await carol.shows('message', { text: 'Hello from components' });
    await carol.shows('message', { text: 'Hello from Python' });
    await carol.hides('unread');
  });
});
