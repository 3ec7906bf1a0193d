/**
 * The page in front of a LiveKit cluster: home, create, join, list, leave, as in front of rooms of our own; the connection test and
 * the operator's page say what there is, by the names of the cluster's settings.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { closedAfter } from '../stage/closing.ts';
import { violations } from '../stage/access.ts';
import { PEOPLE } from '../stage/devices.ts';
import { PORTS } from '../stage/ports.ts';
import { leftOut } from '../stage/servers.ts';
import { Stage } from '../stage/visit.ts';
import { testId, type Visitor } from '../stage/visitor.ts';

describe('our page in front of a cluster', { skip: leftOut('visavis') || leftOut('livekit-server') }, () => {
  const closing = closedAfter();
  let stage: Stage;
  let alice: Visitor, bob: Visitor;

  before(async () => {
    [stage] = await closing.opened(Stage.openInFrontOfCluster());
  });

  it('home is empty, and a room is made by its name', async () => {
    [alice, bob] = await Promise.all([stage.visitor('alice'), stage.visitor('bob')]);
    await Promise.all([alice, bob].map((visitor) => visitor.callMyself(visitor.name)));
    await alice.plays(testId('preview'), '', 'red');
    await alice.shows('rooms-empty', { text: 'Add a room to begin' });
    await alice.fill('room-input', 'alpha');
    await alice.press('Enter');
    await alice.isIn('alpha');
  });

  it('another sees it with its count, and joins it', async () => {
    await bob.badge('alpha', '1 / 50', 2_000);
    await bob.joinByClick('alpha');
    await bob.isIn('alpha');
  });

  it('both see and hear each other', async () => {
    await Promise.all([
      alice.sees('bob', PEOPLE.bob.colour),
      alice.hears(PEOPLE.bob.hz),
      bob.sees('alice', PEOPLE.alice.colour),
      bob.hears(PEOPLE.alice.hz),
    ]);
  });

  it('the operator sees who is there and what they send, and no columns without figures', async () => {
    const [, address = ''] = /Operate +(\S+#token=\S+)/.exec(stage.server.log()) ?? [];
    const operator = await stage.visitor('carol', { path: '/admin', size: { width: 1280, height: 900 } });
    await operator.page.goto(address);
    await operator.page.reload();
    await operator.shows('figure-people', { text: '2' });
    await operator.click('open-room');
    await operator.shows('track-row', { more: '[data-source="camera"]' });
    const heads = await operator.page.$$eval('[data-testid="rooms-table"] thead th', (all) =>
      all.map((head) => head.textContent),
    );
    assert.deepEqual(heads, ['Room', 'People', 'Tracks', 'Duration', 'Actions', 'Person', 'Duration', 'Actions']);
    const text = await operator.page.$eval(testId('rooms-table'), (table) => table.textContent);
    assert.doesNotMatch(text, /–/);
    const widths = await operator.page.$$eval('[data-testid="people-table"] tr', (rows) =>
      rows.map((row) => [...row.cells].reduce((sum, cell) => sum + cell.colSpan, 0)),
    );
    assert.equal(new Set(widths).size, 1, `rows of ${widths.join(', ')} columns`);
    for (const name of ['card-in', 'card-out', 'card-packets']) await operator.hides(name);
    assert.deepEqual(await violations(operator), []);
    await operator.page.setViewport({ width: 360, height: 740 });
    assert.equal(
      await operator.page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth),
      true,
    );
    await operator.page.setViewport({ width: 1280, height: 900 });
    await operator.click('view-history');
    await operator.page.select(testId('history-kind'), 'sessions');
    await operator.click('history-find');
    await operator.shows('history-table', { more: '[data-kind="sessions"]', text: 'bob' });
    const kept = await operator.page.$$eval('[data-testid="history-table"] thead th', (all) =>
      all.map((head) => head.textContent),
    );
    assert.deepEqual(kept, ['Person', 'Room', 'Began', 'Lasted', 'Ended']);
    await operator.close();
  });

  it('who leaves is back home, and the list says so within 2 s', async () => {
    await bob.click('leave');
    await bob.plays(testId('preview'), '', PEOPLE.bob.colour);
    await bob.badge('alpha', '1 / 50', 2_000);
  });
});

describe('the connection test in front of a cluster', { skip: leftOut('visavis') || leftOut('livekit-server') }, () => {
  const step = (id: string, status: string) => ({ more: `[data-step="${id}"][data-status="${status}"]` });

  async function tested(stage: Stage): Promise<Visitor> {
    const alice = await stage.visitor('alice', { path: '/test' });
    await alice.click('checkup-start');
    await alice.shows('checkup', { more: '[data-phase="finished"]', within: 40_000 });
    return alice;
  }

  async function advice(visitor: Visitor, id: string): Promise<string> {
    const of = testId('checkup-step', `[data-step="${id}"]`);
    return visitor.page.$eval(`${of} ${testId('checkup-tell')}`, (element) => element.textContent);
  }

  it("tries the cluster's own ways, and what is off is to be set in livekit-server's configuration", async (test) => {
    const stage = await Stage.openInFrontOfCluster();
    test.after(() => stage[Symbol.asyncDispose]());
    const alice = await tested(stage);
    for (const id of ['secure', 'api', 'websocket', 'udp', 'tcp', 'bandwidth']) {
      await alice.shows('checkup-step', step(id, 'passed'));
    }
    await alice.shows('checkup-step', step('turn', 'failed'));
    const told = await advice(alice, 'turn');
    assert.match(told, /turn\.enabled.*livekit-server/);
    assert.doesNotMatch(told, /turn_domain/);
    await alice.shows('checkup-verdict', { more: '[data-verdict="verdict.here"]' });
  });

  it('an address of the cluster that leads nowhere is named, and the setting that has it', async (test) => {
    const nowhere = `ws://127.0.0.1:${String(PORTS.proxy)}`;
    const stage = await Stage.openInFrontOfCluster(['--livekit-client-url', nowhere]);
    test.after(() => stage[Symbol.asyncDispose]());
    const alice = await tested(stage);
    await alice.shows('checkup-step', step('websocket', 'failed'));
    const told = await advice(alice, 'websocket');
    assert.match(told, /livekit_client_url/);
    assert.ok(told.includes(nowhere), told);
    const way = await advice(alice, 'udp');
    assert.ok(way.includes(`127.0.0.1:${String(PORTS.proxy)}`) && way.includes('livekit-server'), way);
  });
});
