/** How soon home can be used, from nothing: with an empty cache, at a server on this machine. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { closedAfter } from '../stage/closing.ts';
import { paced } from '../stage/pace.ts';
import { leftOut } from '../stage/servers.ts';
import { Stage } from '../stage/visit.ts';
import { testId, type Visitor } from '../stage/visitor.ts';

/** On a machine that keeps up, ms. */
const SOON = 1_000;
/** Script, style, pictures and answers until then, in bytes as they are sent. */
const LIGHT = 150_000;
const FEW = 12;

interface FirstView {
  painted: number;
  usable: number;
  bytes: number;
  requests: number;
}

declare global {
  interface Window {
    /** When the rooms could be clicked, ms since the navigation began. */
    usable?: number;
  }
}

describe('the first view of home', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let stage: Stage;
  const views: FirstView[] = [];
  /** Other work on the machine only adds to it. */
  const best = (figure: keyof FirstView) => Math.min(...views.map((view) => view[figure]));

  before(async () => {
    [stage] = await closing.opened(Stage.open());
    const bob = await stage.visitor('bob');
    await bob.createRoom('first');
    const alice = await stage.visitor('alice', { devices: 'browser' });
    await alice.page.setCacheEnabled(false);
    await alice.page.evaluateOnNewDocument(watch, testId('room-row'));
    for (let time = 0; time < 3; time++) views.push(await loaded(alice));
  });

  it(`is painted, and its rooms can be clicked, within ${SOON} ms`, (context) => {
    const [painted, usable, limit] = [best('painted'), best('usable'), paced(SOON)];
    context.diagnostic(`painted after ${painted.toFixed(0)} ms, usable after ${usable.toFixed(0)} ms`);
    assert.ok(Math.max(painted, usable) <= limit, `${JSON.stringify(views)}; allowed are ${limit} ms`);
  });

  it(`takes no more than ${LIGHT / 1000} kB in ${FEW} requests`, () => {
    assert.ok(best('bytes') <= LIGHT && best('requests') <= FEW, JSON.stringify(views));
  });
});

async function loaded(visitor: Visitor): Promise<FirstView> {
  await visitor.page.reload();
  await visitor.until(
    () => window.usable !== undefined && performance.getEntriesByName('first-contentful-paint').length > 0,
    [],
    'home, painted and usable',
  );
  return visitor.page.evaluate(() => {
    const { usable = NaN } = window;
    const fetched = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
      .filter((entry): entry is PerformanceResourceTiming => entry instanceof PerformanceResourceTiming)
      .filter(({ startTime, responseEnd }) => startTime < usable && responseEnd <= usable);
    return {
      painted: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN,
      usable,
      bytes: fetched.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
      requests: fetched.length,
    };
  });
}

/** In the page, before its own scripts. */
function watch(selector: string): void {
  const look = () => {
    if (!document.querySelector(selector)) return;
    observer.disconnect();
    window.usable = performance.now();
  };
  const observer = new MutationObserver(look);
  observer.observe(document, { childList: true, subtree: true });
}
