/**
 * Measures how long the second to come into a room waits for the first remote frame: in the harness at both servers, and in our own
 * page from the click on the room. Prints one line per case; not a test. `npm run latency [runs]`.
 */
import type { Browser } from 'puppeteer-core';
import { openBrowser } from './stage/browsers.ts';
import { HarnessSite } from './stage/bundle.ts';
import { Person } from './stage/person.ts';
import { leftOut, Server, type ServerName } from './stage/servers.ts';
import { testId, Visitor } from './stage/visitor.ts';

const RUNS = Number(process.argv[2] ?? 10);

function report(what: string, times: number[]): void {
  const sorted = times.map(Math.round).sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = Math.round(((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle) - 1] ?? NaN)) / 2);
  console.log(`${what}: median ${median} ms of ${sorted.length} (${sorted.join(', ')})`);
}

/** From `connect()` to the first remote frame, in the harness, which publishes as soon as it is connected. */
async function inHarness(browser: Browser, site: HarnessSite, server: Server): Promise<void> {
  const times: number[] = [];
  const alice = await Person.join('alice', 'latency', { browser, site, server });
  await alice.publish();
  for (let run = 0; run <= RUNS; run++) {
    const bob = await Person.join('bob', 'latency', { browser, site, server });
    await Promise.all([bob.publish(), bob.until(() => window.harness.firstFrameMs !== null, [], 'a first frame')]);
    const time = await bob.page.evaluate(() => window.harness.firstFrameMs);
    // The first run warms the browser up and does not count.
    if (time !== null && run > 0) times.push(time);
    await Promise.all([alice.isWith([]), bob.close()]);
  }
  await alice.close();
  report(`harness, ${server.name}, from connect`, times);
}

/** From the click on the room to the first remote frame, in our own page, which was home with its preview. */
async function inPage(browser: Browser, server: Server): Promise<void> {
  const times: number[] = [];
  const alice = await Visitor.open(browser, 'alice', { at: server.http });
  await alice.callMyself('alice');
  await alice.createRoom('latency');
  for (let run = 0; run <= RUNS; run++) {
    const bob = await Visitor.open(browser, 'bob', { at: server.http });
    await bob.plays(testId('preview'), '', null);
    await bob.find('room-row', '[data-room="latency"]');
    const measured = bob.page.evaluate(firstRemoteFrame, testId('tile', '[data-local="false"] video'));
    await bob.click('room-row', '[data-room="latency"]');
    const time = await measured;
    if (run > 0) times.push(time);
    await Promise.all([alice.losesSight(''), bob.close()]);
  }
  await alice.close();
  report(`our page, ${server.name}, from the click`, times);
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
for (const name of ['visavis', 'livekit-server'] satisfies ServerName[]) {
  const reason = leftOut(name);
  if (reason) {
    console.log(`${name}: left out, ${reason}`);
    continue;
  }
  const server = await Server.start(name);
  await inHarness(browser, site, server);
  if (name === 'visavis') await inPage(browser, server);
  await server[Symbol.asyncDispose]();
}
await browser.close();
await site[Symbol.asyncDispose]();
