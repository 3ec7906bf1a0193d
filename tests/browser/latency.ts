/**
 * Measures how long the second to come into a room waits for the first remote frame: in the harness at both servers, and in our own
 * page from the click on the room. Prints one line per case; not a test. `npm run latency [runs]`.
 */
import type { Browser } from 'puppeteer-core';
import { openBrowser } from './stage/browsers.ts';
import { HarnessSite } from './stage/bundle.ts';
import { Person } from './stage/person.ts';
import { Server } from './stage/servers.ts';
import { testId, Visitor } from './stage/visitor.ts';

const RUNS = Number(process.argv[2] ?? 10);

function report(what: string, times: number[]): void {
  const sorted = times.map(Math.round).sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = Math.round(((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle) - 1] ?? NaN)) / 2);
  console.log(`${what}: median ${median} ms of ${sorted.length} (${sorted.join(', ')})`);
}

interface Case {
  what: string;
  /** One person comes in; answers the time to the first remote frame, ms. */
  run(): Promise<number>;
  end(): Promise<void>;
}

/** From `connect()` to the first remote frame, in the harness, which publishes as soon as it is connected. */
async function inHarness(browser: Browser, site: HarnessSite, server: Server, single = true): Promise<Case> {
  const room = { singlePeerConnection: single };
  const name = `latency-${single}`;
  const alice = await Person.join('alice', name, { browser, site, server });
  await alice.publish();
  return {
    what: `harness, ${server.name}, ${single ? 'one connection' : 'two connections'}, from connect`,
    async run() {
      const bob = await Person.join('bob', name, { browser, site, server, setup: { room } });
      await Promise.all([bob.publish(), bob.until(() => window.harness.firstFrameMs !== null, [], 'a first frame')]);
      const time = await bob.page.evaluate(() => window.harness.firstFrameMs);
      await Promise.all([alice.isWith([]), bob.close()]);
      return time ?? NaN;
    },
    end: () => alice.close(),
  };
}

/** From the click on the room to the first remote frame, in our own page, which was home with its preview. */
async function inPage(browser: Browser, server: Server): Promise<Case> {
  const room = 'latency-page';
  const alice = await Visitor.open(browser, 'alice', { at: server.http });
  await alice.callMyself('alice');
  await alice.createRoom(room);
  return {
    what: `our page, ${server.name}, from the click`,
    async run() {
      const bob = await Visitor.open(browser, 'bob', { at: server.http });
      await bob.plays(testId('preview'), '', null);
      await bob.find('room-row', `[data-room="${room}"]`);
      const measured = bob.page.evaluate(firstRemoteFrame, testId('tile', '[data-local="false"] video'));
      await bob.click('room-row', `[data-room="${room}"]`);
      const time = await measured;
      await Promise.all([alice.losesSight(''), bob.close()]);
      return time;
    },
    end: () => alice.close(),
  };
}

/** In the page: time from the next click to the first frame of a video that matches, ms. */
function firstRemoteFrame(selector: string): Promise<number> {
  return new Promise((resolve) => {
    let clicked = NaN;
    document.addEventListener('click', () => (clicked = performance.now()), { capture: true, once: true });
    const watched = new WeakSet<HTMLVideoElement>();
    const look = () => {
      for (const video of document.querySelectorAll<HTMLVideoElement>(selector)) {
        if (watched.has(video)) continue;
        watched.add(video);
        video.requestVideoFrameCallback(() => {
          observer.disconnect();
          resolve(performance.now() - clicked);
        });
      }
    };
    const observer = new MutationObserver(look);
    observer.observe(document, { childList: true, subtree: true, attributes: true });
  });
}

const [browser, site] = await Promise.all([openBrowser('chromium'), HarnessSite.open()]);
const ours = await Server.start('visavis');
const theirs = await Server.start('livekit-server');
// In turn, so that whatever else the machine does meets all alike.
const cases = [
  await inHarness(browser, site, ours),
  await inHarness(browser, site, ours, false),
  await inHarness(browser, site, theirs),
  await inHarness(browser, site, theirs, false),
  await inPage(browser, ours),
].map((each) => ({ ...each, times: [] as number[] }));
for (let run = 0; run <= RUNS; run++) {
  for (const each of cases) {
    const time = await each.run();
    // The first run warms the browser up and does not count.
    if (run > 0) each.times.push(time);
  }
}
for (const { what, times, end } of cases) {
  report(what, times);
  await end();
}
await browser.close();
for (const server of [ours, theirs]) await server[Symbol.asyncDispose]();
await site[Symbol.asyncDispose]();
