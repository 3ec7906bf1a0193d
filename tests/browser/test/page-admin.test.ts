/** The operator's page, with a real call going on: what flows, muting, removing, ending, and what the history says afterwards. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { violations } from '../stage/access.ts';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { leftOut } from '../stage/servers.ts';
import { Stage } from '../stage/visit.ts';
import { testId, type Visitor } from '../stage/visitor.ts';

/** Scripts and styles that a page has fetched, without the folder and the hash. */
function fetched(visitor: Visitor): Promise<string[]> {
  return visitor.page.evaluate(() =>
    performance
      .getEntriesByType('resource')
      .map((entry) => entry.name.split('/').at(-1) ?? '')
      .filter((name) => /\.(js|css)$/.test(name))
      .map((name) => name.replace(/-[\w-]{8}\./, '.')),
  );
}

/** Waits until a cell of the table has a figure above zero. */
function flows(operator: Visitor, row: string, cell: string): Promise<void> {
  return operator.until(
    (selector) => Number(document.querySelector<HTMLElement>(selector)?.dataset['value'] ?? 0) > 1000,
    [`${row} ${testId(cell)}`],
    `figures of ${cell} in ${row}`,
  );
}

describe("the operator's page", { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let stage: Stage;
  let alice: Visitor, bob: Visitor, operator: Visitor;

  const person = (name: string) => testId('person-row', `[data-name="${name}"]`);

  before(async () => {
    [stage] = await closing.opened(Stage.open());
    [alice, bob] = await Promise.all([stage.visitor('alice'), stage.visitor('bob')]);
    await Promise.all([alice, bob].map((visitor) => visitor.callMyself(visitor.name)));
    await alice.createRoom('alpha');
    await bob.joinByClick('alpha');
    await Promise.all([alice.sees('bob', PEOPLE.bob.colour), bob.sees('alice', PEOPLE.alice.colour)]);
  });

  it('home fetches nothing of it', async () => {
    assert.deepEqual(
      (await fetched(alice)).filter((name) => name.startsWith('admin')),
      [],
    );
  });

  it('asks for the token, and says plainly that one is wrong', async () => {
    operator = await stage.visitor('carol', { path: '/admin', size: { width: 1280, height: 900 } });
    assert.deepEqual(await violations(operator), []);
    await operator.fill('admin-token', 'a wrong one, surely');
    await operator.press('Enter');
    await operator.shows('admin-problem', { text: 'This is not the admin token of this server' });
    assert.deepEqual(await violations(operator), []);
  });

  it('opens by the address that `dev` prints, and takes the token out of it', async () => {
    const [, address = ''] = /Operate +(\S+#token=\S+)/.exec(stage.server.log()) ?? [];
    assert.match(address, /\/admin#token=.{20,}/);
    await operator.page.goto(address);
    // The same document with another fragment is not loaded anew.
    await operator.page.reload();
    await operator.shows('rooms-table');
    assert.equal(new URL(operator.page.url()).hash, '');
    // Kept in this tab, and nowhere else.
    await operator.page.reload();
    await operator.shows('rooms-table');
    assert.equal(await operator.page.evaluate(() => JSON.stringify(localStorage).includes('token')), false);
    assert.equal(
      (await fetched(operator)).some((name) => name.startsWith('livekit')),
      false,
    );
  });

  it('tells what flows, of the process, people and tracks', async () => {
    await operator.shows('figure-rooms', { text: '1' });
    await operator.shows('figure-people', { text: '2' });
    await operator.click('open-room');
    for (const name of ['alice', 'bob']) {
      await flows(operator, person(name), 'person-bitrateIn');
      await flows(operator, person(name), 'person-bitrateOut');
    }
    const camera = `${person('alice')} ~ ${testId('track-row', '[data-source="camera"]')}`;
    await flows(operator, camera, 'track-bitrateIn');
    await flows(operator, camera, 'track-bitrateOut');
    await operator.until(
      () => !/^0 |^–/.test(document.querySelector<HTMLElement>('[data-testid="figure-in"]')?.innerText ?? '0 '),
      [],
      'incoming bits',
    );
  });

  for (const dark of [false, true]) {
    it(`has nothing for axe to complain about in ${dark ? 'dark' : 'light'}, and fits a phone`, async () => {
      await operator.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }]);
      // Opened so: while colours turn from one into the other, they are none of ours.
      await operator.page.reload();
      await operator.click('open-room');
      await operator.shows('track-row');
      assert.deepEqual(await violations(operator), []);
      await operator.page.setViewport({ width: 360, height: 740 });
      assert.equal(
        await operator.page.evaluate(
          () => document.documentElement.scrollWidth <= document.documentElement.clientWidth,
        ),
        true,
      );
      await operator.page.setViewport({ width: 1280, height: 900 });
    });
  }

  it('mutes a track for everybody, after a confirmation', async () => {
    const microphone = `${person('alice')} ~ ${testId('track-row', '[data-source="microphone"]')}`;
    await bob.hears(PEOPLE.alice.hz);
    await (await operator.page.waitForSelector(`${microphone} ${testId('mute-track')}`))?.click();
    await operator.shows('confirmation', { text: 'alice' });
    assert.deepEqual(await violations(operator), []);
    await operator.click('confirm');
    await bob.shows('tile', { more: '[data-local="false"][data-muted="true"]', text: 'alice' });
    await operator.until((row) => document.querySelector(`${row}[data-muted="true"]`) !== null, [microphone], 'muted');
  });

  it('removes a person, who is told', async () => {
    await (await operator.page.waitForSelector(`${person('bob')} ${testId('remove-person')}`))?.click();
    await operator.click('confirm');
    await bob.hides('room');
    await alice.losesSight('bob');
    await operator.hides('person-row', { more: '[data-name="bob"]' });
  });

  it('ends a room for all', async () => {
    await operator.click('end-room');
    await operator.click('confirm');
    await alice.hides('room');
    await operator.shows('figure-rooms', { text: '0' });
  });

  it('the history shows the call, who was there and why it ended', async () => {
    await operator.click('view-history');
    await operator.shows('history-row', { text: 'ended for all' });
    assert.deepEqual(await violations(operator), []);
    await operator.page.select(testId('history-kind'), 'sessions');
    await operator.fill('history-person', 'bob');
    await operator.click('history-find');
    await operator.shows('history-table', { more: '[data-kind="sessions"]', text: 'removed' });
    await operator.shows('history-count', { text: '1 to 1 of 1' });
    assert.match(
      await (await operator.find('history-row')).evaluate((row) => row.textContent ?? ''),
      /alpha[\d.]+ [kM]B/,
    );
  });
});
