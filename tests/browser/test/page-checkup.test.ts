/** The test of one's connection: at a healthy server all passes, and with a fault the hop that has it is named. */
import assert from 'node:assert/strict';
import { afterEach, before, describe, it } from 'node:test';
import type { Browser } from 'puppeteer-core';
import { tabTo, violations } from '../stage/access.ts';
import { openBrowser, type BrowserName } from '../stage/browsers.ts';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { PORTS } from '../stage/ports.ts';
import { FaultyProxy, Silence } from '../stage/proxy.ts';
import { leftOut, Server } from '../stage/servers.ts';
import { testId, Visitor, type Visit } from '../stage/visitor.ts';

/** A run is to take less than 40 s, on a machine that keeps up. */
const RUN = 40_000;

const step = (id: string, status: string) => ({ more: `[data-step="${id}"][data-status="${status}"]` });

for (const name of ['chromium', 'firefox'] satisfies BrowserName[]) {
  describe(`the connection test in ${name}`, { skip: leftOut('visavis') }, () => {
    const closing = closedAfter();
    let browser: Browser, server: Server;
    let visitors: Visitor[] = [];

    before(async () => {
      [browser, server] = await closing.opened(openBrowser(name), Server.start('visavis'));
    });
    afterEach(async () => {
      await Promise.all(visitors.map((visitor) => visitor[Symbol.asyncDispose]()));
      visitors = [];
    });

    async function visit(more: Partial<Visit> = {}): Promise<Visitor> {
      const visitor = await Visitor.open(browser, 'alice', { at: server.http, path: '/test', ...more });
      visitors.push(visitor);
      return visitor;
    }

    async function runs(visitor: Visitor): Promise<void> {
      await visitor.click('checkup-start');
      await visitor.shows('checkup', { more: '[data-phase="finished"]', within: RUN });
    }

    async function tells(visitor: Visitor, id: string, ...words: string[]): Promise<void> {
      const text = await visitor.page.$eval(
        `${testId('checkup-step', `[data-step="${id}"]`)} ${testId('checkup-tell')}`,
        (element) => element.textContent,
      );
      for (const word of words) assert.ok(text.includes(word), `"${text}" does not say ${word}`);
    }

    it('all passes at a healthy server, in time, and the report says so without a secret', async () => {
      const alice = await visit();
      const start = Date.now();
      await runs(alice);
      for (const id of ['secure', 'api', 'websocket', 'udp', 'tcp', 'turn', 'bandwidth']) {
        await alice.shows('checkup-step', step(id, 'passed'));
      }
      await alice.shows('checkup-step', { ...step('udp', 'passed'), text: 'ms' });
      await alice.shows('checkup-step', { ...step('bandwidth', 'passed'), text: 'Mbit/s' });
      const devices = () => alice.page.evaluate(() => window.fakeDevices.inUse());
      assert.deepEqual(await devices(), [], 'nothing was opened before the person asked for it');

      await alice.click('checkup-own');
      await alice.shows('checkup-step', { ...step('publish', 'passed'), text: 'Your picture', within: 20_000 });
      await alice.shows('checkup-step', step('hear', 'running'));
      await alice.until(
        (selector) => Number(document.querySelector(selector)?.getAttribute('aria-valuenow')) > 30,
        [testId('checkup-level')],
        'the level of what comes back',
      );
      await alice.shows('checkup-step', { ...step('hear', 'passed'), text: 'Your voice', within: 20_000 });
      assert.ok(Date.now() - start < 60_000);
      await alice.shows('checkup-verdict', { more: '[data-verdict="verdict.good"]' });
      assert.deepEqual(await devices(), [], 'the devices are given back');

      await alice.page.evaluate(() =>
        Object.defineProperty(navigator.clipboard, 'writeText', {
          value: (text: string) => Promise.resolve(Object.assign(window, { copied: text })),
        }),
      );
      await alice.click('checkup-copy');
      await alice.shows('checkup-copied', { text: 'copied' });
      const report = await alice.page.evaluate(() => (window as unknown as { copied: string }).copied);
      assert.match(report, /\[passed\] Media over UDP: /);
      assert.doesNotMatch(report, /eyJ|access_token|credential|checkup-/);
    });

    it('the room of a test is in nobody’s list, and is left', async () => {
      const alice = await visit();
      const rooms = async () => (await fetch(`${server.http}/api/video/rooms`)).json();
      await alice.click('checkup-start');
      await alice.shows('checkup-step', { ...step('bandwidth', 'running'), within: RUN });
      assert.deepEqual(await rooms(), []);
      await alice.click('checkup-stop');
      await alice.shows('checkup-verdict', { more: '[data-verdict="verdict.aborted"]' });
      await alice.shows('checkup-step', step('bandwidth', 'skipped'));
      await runs(alice);
      await alice.shows('checkup-verdict', { more: '[data-verdict="verdict.good"]' });
    });

    it('a proxy that drops Upgrade is named, and media is tried all the same', async (test) => {
      const proxy = await FaultyProxy.before(PORTS.visavis.http, { dropsUpgrade: true });
      test.after(() => proxy[Symbol.asyncDispose]());
      const alice = await visit({ at: proxy.http });
      await runs(alice);
      await alice.shows('checkup-step', { ...step('websocket', 'failed'), text: 'does not pass the upgrade on' });
      await tells(alice, 'websocket', 'Upgrade', '127.0.0.1');
      for (const id of ['udp', 'tcp', 'turn']) await alice.shows('checkup-step', step(id, 'passed'));
      await alice.shows('checkup-step', { ...step('bandwidth', 'skipped'), text: 'WebSocket' });
      await alice.shows('checkup-verdict', { more: '[data-verdict="verdict.none"]' });
    });

    it('a UDP port that is not forwarded is named, and calls will work with more delay', async (test) => {
      const { http, udp } = PORTS.visavis;
      const silence = await Silence.at(PORTS.mediaProxy);
      test.after(() => silence[Symbol.asyncDispose]());
      const proxy = await FaultyProxy.before(http, { misleads: new Map([[udp, PORTS.mediaProxy]]) });
      test.after(() => proxy[Symbol.asyncDispose]());
      const alice = await visit({ at: proxy.http });
      await runs(alice);
      await alice.shows('checkup-step', { ...step('udp', 'failed'), text: 'No UDP packet gets through' });
      await tells(alice, 'udp', `UDP port ${PORTS.mediaProxy}`);
      await alice.shows('checkup-step', step('tcp', 'passed'));
      await alice.shows('checkup-step', step('bandwidth', 'passed'));
      await alice.shows('checkup-verdict', { more: '[data-verdict="verdict.slow"]', text: 'with more delay' });
    });

    it('paths that a proxy keeps to itself are named, to the eye and to screen readers, by keyboard alone', async (test) => {
      const proxy = await FaultyProxy.before(PORTS.visavis.http, { withholds: /^\/(rtc|whip)/ });
      test.after(() => proxy[Symbol.asyncDispose]());
      const alice = await visit({ at: proxy.http });
      await alice.shows('checkup-start');
      await tabTo(alice, testId('checkup-start'));
      await alice.press('Enter');
      await alice.shows('checkup', { more: '[data-phase="finished"]', within: RUN });
      await alice.shows('checkup-step', step('websocket', 'failed'));
      for (const id of ['udp', 'tcp', 'turn']) {
        await alice.shows('checkup-step', step(id, 'failed'));
        await tells(alice, id, '/whip', '404');
      }
      const told = await alice.page.$eval(testId('checkup-announcer'), (element) => element.textContent);
      assert.match(told, /Media over UDP: failed\..*Calls will not work from here/s);
      assert.deepEqual(await violations(alice), []);
      await tabTo(alice, testId('checkup-copy'));
    });

    it('whoever refuses camera and microphone sends a test picture and tone', async () => {
      const alice = await visit();
      await alice.page.evaluate(() => {
        navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
      });
      await runs(alice);
      await alice.click('checkup-own');
      await alice.shows('checkup-step', {
        ...step('publish', 'passed'),
        text: 'test picture was sent',
        within: 20_000,
      });
      await alice.shows('checkup-step', { ...step('hear', 'passed'), text: 'tone came back', within: 20_000 });
    });
  });
}

describe('the connection test beside a call', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let browser: Browser, server: Server;

  before(async () => {
    [browser, server] = await closing.opened(openBrowser('chromium'), Server.start('visavis', ['--no-turn']));
  });

  it('opens in a tab of its own and disturbs neither the call nor its devices, and names TURN that is off', async (test) => {
    const alice = await Visitor.open(browser, 'alice', { at: server.http });
    const bob = await Visitor.open(browser, 'bob', { at: server.http });
    test.after(() => Promise.all([alice.close(), bob.close()]));
    await Promise.all([alice.callMyself('alice'), bob.callMyself('bob')]);
    await alice.createRoom('talk');
    await bob.joinByClick('talk');
    await alice.press('i');
    const context = alice.page.browserContext();
    const opened = context.waitForTarget((target) => target.url() === `${server.http}/test`);
    await alice.click('test-connection');
    const page = await (await opened).page();
    assert.ok(page);
    const tab = Visitor.at('alice', page);
    const identities = [alice.page, page].map((each) =>
      each.evaluate(() => sessionStorage.getItem('visavis.identity')),
    );
    assert.deepEqual((await Promise.all(identities)).map(Boolean), [true, false]);
    await tab.click('checkup-start');
    await tab.shows('checkup', { more: '[data-phase="finished"]', within: RUN });
    await tab.shows('checkup-step', { ...step('turn', 'failed'), text: 'offers no relay' });
    await tab.shows('checkup-verdict', { more: '[data-verdict="verdict.here"]' });
    await page.close();
    await Promise.all([bob.sees('alice', PEOPLE.alice.colour), bob.hears(PEOPLE.alice.hz)]);
    await alice.isIn('talk');
  });
});
