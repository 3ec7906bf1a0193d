/** What of our own page is fetched when: home is light, and the code of calls comes ahead of the first join, or is missed in plain words. */
import assert from 'node:assert/strict';
import { afterEach, before, describe, it } from 'node:test';
import type { HTTPRequest } from 'puppeteer-core';
import { closedAfter } from '../stage/closing.ts';
import { leftOut } from '../stage/servers.ts';
import { Stage } from '../stage/visit.ts';
import { Visitor } from '../stage/visitor.ts';

/** The chunks that carry calls, by the names that the build gives them. */
const CALL = /\/assets\/(module|livekit)-[^/]*\.(js|css)$/;

describe('what our page fetches', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let stage: Stage;

  before(async () => {
    [stage] = await closing.opened(Stage.open());
  });
  afterEach(() => stage.clear());

  /** Opens home anew, with each request for the code of calls given to this. */
  async function withCallCode(answer: (request: HTTPRequest) => void): Promise<Visitor> {
    const alice = await stage.visitor('alice');
    await alice.page.setRequestInterception(true);
    alice.page.on('request', (request) => {
      if (CALL.test(request.url())) answer(request);
      else void request.continue();
    });
    await alice.page.reload();
    await alice.shows('home');
    return alice;
  }

  it('home works before the code of calls is there, which is fetched ahead', async () => {
    const held: HTTPRequest[] = [];
    const alice = await withCallCode((request) => held.push(request));
    await alice.fill('room-input', 'light');
    await alice.shows('create-room', { more: ':enabled' });
    await alice.until(() => document.querySelector('video'), [], 'the preview');
    const { length } = held;
    assert.ok(length > 0, 'nothing was fetched ahead');
    // Joining shows at once where one is going, and goes on when the rest is there.
    await alice.press('Enter');
    await alice.shows('room', { more: '[data-room="light"][data-state="joining"]', text: 'light' });
    alice.page.removeAllListeners('request');
    alice.page.on('request', (request) => void request.continue());
    for (const request of held) void request.continue();
    await alice.isIn('light');
    await alice.shows('alone');
  });

  it('whoever goes back before it is there is home again', async () => {
    const alice = await withCallCode(() => undefined);
    await alice.fill('room-input', 'light');
    await alice.press('Enter');
    await alice.click('leave');
    await alice.shows('home');
    assert.equal(new URL(alice.page.url()).pathname, '/');
  });

  it('a link to a room shows where one is going before any script has come, and the same when it has', async () => {
    // Nobody was here before, so nothing comes from the browser's memory.
    const context = await stage.browser.createBrowserContext();
    const alice = Visitor.at('alice', await context.newPage());
    await alice.page.setRequestInterception(true);
    const held: HTTPRequest[] = [];
    alice.page.on('request', (request) => {
      if (new URL(request.url()).pathname.endsWith('.js')) held.push(request);
      else void request.continue();
    });
    // It is not loaded before its scripts are.
    const loaded = alice.page.goto(`${stage.server.http}/r/light`);
    await alice.shows('first-frame', { text: 'Joining light…' });
    const places = () =>
      alice.page.evaluate(() =>
        [...document.querySelectorAll('.joining :is(header p, h1, h1 + p, .button)')].map((element) => {
          const { x, y, width, height } = element.getBoundingClientRect();
          return [element.textContent, x, y, width, height].join(' ');
        }),
      );
    const before = await places();
    assert.equal(before.length, 4);
    // The texts of the language are asked for beside the scripts that will need them.
    assert.ok(held.some((request) => /\/en-[^/]*\.js$/.test(request.url())));
    const call = held.filter((request) => CALL.test(request.url()));
    alice.page.removeAllListeners('request');
    alice.page.on('request', (request) => {
      if (CALL.test(request.url())) call.push(request);
      else void request.continue();
    });
    for (const request of held) if (!call.includes(request)) void request.continue();
    await loaded;
    await alice.shows('room', { more: '[data-state="joining"]', text: 'light' });
    assert.deepEqual(await places(), before);
    await context.close();
  });

  it('a link to a room fails in plain words if it cannot be fetched, and another try joins', async () => {
    let broken = true;
    const alice = await withCallCode((request) => void (broken ? request.abort() : request.continue()));
    await alice.page.goto(`${stage.server.http}/r/light`);
    await alice.shows('notice', { more: '[data-kind="join-failed"]', text: 'could not be fetched' });
    await alice.shows('home');
    broken = false;
    await alice.click('notice', ' .notice-action');
    await alice.isIn('light');
  });
});
