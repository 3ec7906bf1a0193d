/** Visavis' own page for everyone: without a mouse, on a narrow screen, for a screen reader, in light and dark. */
import assert from 'node:assert/strict';
import { afterEach, before, describe, it } from 'node:test';
import { tabTo, violations } from '../stage/access.ts';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { leftOut } from '../stage/servers.ts';
import { Stage } from '../stage/visit.ts';
import { testId, type Visitor } from '../stage/visitor.ts';

async function scrollsSideways(visitor: Visitor): Promise<string[]> {
  return visitor.page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    return [...document.body.querySelectorAll<HTMLElement>('*')]
      .filter((element) => element.getBoundingClientRect().right > clientWidth + 1)
      .map((element) => element.outerHTML.slice(0, 120));
  });
}

describe('access to our page', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let stage: Stage;

  before(async () => {
    [stage] = await closing.opened(Stage.open());
  });
  afterEach(() => stage.clear());

  for (const dark of [false, true]) {
    it(`has nothing for axe to complain about in ${dark ? 'dark' : 'light'}: home, settings, call`, async () => {
      const alice = await stage.visitor('alice', { dark });
      await alice.plays(testId('preview'), '', 'red');
      assert.deepEqual(await violations(alice), []);
      await alice.click('open-settings');
      await alice.shows('camera-select');
      assert.deepEqual(await violations(alice), []);
      await alice.click('close-settings');
      await alice.callMyself('alice');
      await alice.createRoom('seen');
      assert.deepEqual(await violations(alice), []);
      const bob = await stage.visitor('bob', { path: '/r/seen', dark });
      await Promise.all([alice.sees('', PEOPLE.bob.colour), bob.sees('alice', PEOPLE.alice.colour)]);
      assert.deepEqual(await violations(alice), []);
      await alice.click('toggle-hand');
      await alice.shows('tile-hand');
      await alice.click('toggle-chat');
      await (await alice.find('chat-input')).type('See https://example.org');
      await alice.press('Enter');
      await bob.shows('unread');
      await alice.click('open-reactions');
      assert.deepEqual(await violations(alice), []);
      assert.deepEqual(await violations(bob), []);
      await alice.press('Escape');
      await alice.click('toggle-people');
      await alice.shows('person', { more: '[data-hand="1"]' });
      assert.deepEqual(await violations(alice), []);
    });
  }

  it('nothing scrolls sideways at 360 px: home, settings, call', async () => {
    const size = { width: 360, height: 640 };
    const alice = await stage.visitor('alice', { size });
    await alice.plays(testId('preview'), '', 'red');
    assert.deepEqual(await scrollsSideways(alice), []);
    await alice.click('open-settings');
    await alice.shows('camera-select');
    assert.deepEqual(await scrollsSideways(alice), []);
    await alice.click('close-settings');
    await alice.createRoom('a-room-whose-name-is-longer-than-a-narrow-screen-is-wide');
    const bob = await stage.visitor('bob', { size });
    await bob.shows('room-row');
    assert.deepEqual(await scrollsSideways(bob), []);
    await bob.joinByClick('a-room-whose-name-is-longer-than-a-narrow-screen-is-wide');
    await alice.sees('', PEOPLE.bob.colour);
    assert.deepEqual(await scrollsSideways(alice), []);
    await alice.click('toggle-chat');
    await (await alice.find('chat-input')).type(`https://example.org/${'long'.repeat(40)}`);
    await alice.press('Enter');
    await alice.shows('message');
    assert.deepEqual(await scrollsSideways(alice), []);
  });

  it('at 1920 px a call of three fills most of the page', async () => {
    const alice = await stage.visitor('alice', { size: { width: 1920, height: 1080 } });
    await alice.createRoom('large');
    for (const name of ['bob', 'carol'] as const) await stage.visitor(name, { path: '/r/large' });
    await alice.until((tiles) => document.querySelectorAll(tiles).length === 3, [testId('tile')], 'three tiles');
    const share = await alice.page.evaluate((tiles) => {
      const boxes = [...document.querySelectorAll(tiles)].map((tile) => tile.getBoundingClientRect());
      return boxes.reduce((sum, { width, height }) => sum + width * height, 0) / (innerWidth * innerHeight);
    }, testId('tile'));
    assert.ok(share > 0.55, `tiles cover ${Math.round(share * 100)} % of the page`);
    assert.deepEqual(await scrollsSideways(alice), []);
  });

  it('a call can be made, muted, and left with the keyboard alone', async () => {
    const alice = await stage.visitor('alice');
    await alice.shows('home');
    await tabTo(alice, testId('name-input'));
    await alice.page.keyboard.type('alice');
    await tabTo(alice, testId('room-input'));
    await alice.page.keyboard.type('keys');
    await alice.press('Enter');
    await alice.isIn('keys');
    const bob = await stage.visitor('bob');
    await bob.shows('room-row', { more: '[data-room="keys"]' });
    await tabTo(bob, `${testId('room-row', '[data-room="keys"]')}, ${testId('room-row', '[data-room="keys"]')} *`);
    await bob.press('Enter');
    await bob.isIn('keys');
    await bob.sees('alice', PEOPLE.alice.colour);
    await tabTo(alice, testId('toggle-microphone'));
    await alice.press('Space');
    await bob.shows('tile', { more: '[data-local="false"][data-muted="true"]', text: 'alice', within: 2_000 });
    await alice.press('m');
    await bob.shows('tile', { more: '[data-local="false"][data-muted="false"]', text: 'alice', within: 2_000 });
    await tabTo(alice, testId('open-settings'));
    await alice.press('Enter');
    await tabTo(alice, testId('camera-select'));
    await alice.press('Escape');
    await alice.hides('settings');
    await tabTo(alice, testId('leave'));
    await alice.press('Enter');
    await alice.shows('home');
  });
});
