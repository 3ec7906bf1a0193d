/** Our page in rooms of many: joining keeps it answering, and who comes and goes leaves nothing behind. */
import assert from 'node:assert/strict';
import { afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { closedAfter } from '../stage/closing.ts';
import { Crowd } from '../stage/crowd.ts';
import { leftOut } from '../stage/servers.ts';
import { growing, soaked } from '../stage/soaking.ts';
import { costOf, tasksOf } from '../stage/tasks.ts';
import { Stage } from '../stage/visit.ts';
import { testId, type Visitor } from '../stage/visitor.ts';

const OTHERS = 24;

/** So long may the page not answer, ms. */
const LONG = 100;

describe('our page in a room of many', { skip: leftOut('visavis'), timeout: 300_000 }, () => {
  const closing = closedAfter();
  let stage: Stage;

  before(async () => {
    [stage] = await closing.opened(Stage.open());
  });
  afterEach(() => stage.clear());

  async function seesEverybody(visitor: Visitor): Promise<void> {
    await visitor.until(
      (selector, count) =>
        [...document.querySelectorAll<HTMLVideoElement>(selector)].filter((video) => video.videoWidth > 0).length >=
        count,
      [testId('tile', '[data-local="false"] video'), OTHERS],
      `pictures of ${OTHERS} others`,
      30_000,
    );
  }

  it(`joins ${OTHERS} others with no task over ${LONG} ms`, async (context) => {
    await using crowd = new Crowd(stage.server, 'many');
    await crowd.join(OTHERS);
    // In a browser just started, which has compiled nothing of the page yet.
    const alice = await stage.visitor('alice', { devices: 'browser', size: { width: 1280, height: 800 } });
    await alice.find('room-row', '[data-room="many"]');
    await alice.plays(testId('preview'), '', null);
    const tasks = await tasksOf(alice.page, async () => {
      await alice.joinByClick('many');
      await seesEverybody(alice);
      await sleep(5_000);
    });
    assert.ok(tasks.length > 1_000, `the trace has ${tasks.length} tasks only`);
    const [longest] = tasks;
    context.diagnostic(`longest task: ${longest?.cpu.toFixed(0)} + ${longest?.waited.toFixed(0)} ms`);
    assert.ok(costOf(longest) <= LONG, JSON.stringify(tasks.slice(0, 3), null, 1));
  });

  it('holds no more after many have come and gone than before', async () => {
    const soak = { people: 12, changing: 8, warmup: 3, rounds: 10, pause: 500 };
    const held = await soaked(stage, soak);
    assert.deepEqual(growing(held, soak), [], JSON.stringify(held));
  });
});
