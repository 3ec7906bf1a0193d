/** Visavis' own page for everyone: without a mouse, on narrow and wide screens, for a screen reader, without motion. What axe says is in `page-accessibility`. */
import assert from 'node:assert/strict';
import { afterEach, before, describe, it } from 'node:test';
import { cutOff, scrollsSideways, settled, tabTo } from '../stage/access.ts';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { leftOut } from '../stage/servers.ts';
import { Stage } from '../stage/visit.ts';
import { testId } from '../stage/visitor.ts';

describe('access to our page', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let stage: Stage;

  before(async () => {
    [stage] = await closing.opened(Stage.open());
  });
  afterEach(() => stage.clear());

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

  it('a phone that is turned has all of the call on its screen, either way', async () => {
    const [upright, lying] = [
      { width: 360, height: 640 },
      { width: 640, height: 360 },
    ];
    const alice = await stage.visitor('alice', { size: upright });
    await alice.createRoom('turned');
    const bob = await stage.visitor('bob', { path: '/r/turned' });
    await bob.isIn('turned');
    for (const size of [upright, lying, upright]) {
      await alice.page.setViewport(size);
      await settled(alice);
      await alice.sees('', PEOPLE.bob.colour);
      assert.deepEqual([...(await scrollsSideways(alice)), ...(await cutOff(alice))], []);
      const outside = await alice.page.$$eval('.tile, .room-footer button', (all) =>
        all
          .filter((element) => element.checkVisibility())
          .map((element) => element.getBoundingClientRect())
          .filter(({ left, top, right, bottom }) => left < 0 || top < 0 || right > innerWidth || bottom > innerHeight),
      );
      assert.deepEqual(outside, []);
    }
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

  it('a panel or menu that closes gives the focus back to its button', async () => {
    const alice = await stage.visitor('alice');
    await alice.createRoom('focus');
    for (const [button, opened] of [
      ['toggle-people', 'people'],
      ['toggle-chat', 'chat'],
      ['open-reactions', 'reaction'],
      ['view-menu-button', 'view-menu'],
      ['open-settings', 'settings'],
      ['invite', 'invite-dialog'],
    ] as const) {
      await tabTo(alice, testId(button));
      const ring = await alice.page.evaluate(() => getComputedStyle(document.activeElement!).boxShadow);
      assert.notEqual(ring, 'none', `${button} shows the focus`);
      await alice.press('Enter');
      await alice.shows(opened);
      const isInside = await alice.page.evaluate(() => document.activeElement !== document.body);
      assert.ok(isInside, `${opened} has the focus`);
      await alice.press('Escape');
      await alice.hides(opened);
      await alice.until((wanted) => document.activeElement?.matches(wanted), [testId(button)], `focus on ${button}`);
    }
  });

  it('a screen reader is told who comes, says something, raises a hand, and goes', async () => {
    const alice = await stage.visitor('alice');
    await alice.createRoom('told');
    const cdp = await alice.cdp();
    const tells = async (sentence: string) => {
      const start = Date.now();
      for (;;) {
        // Of the tree that screen readers get, what is inside of live regions.
        const { nodes } = await cdp.send('Accessibility.getFullAXTree');
        const live = nodes.filter(({ properties }) => properties?.some(({ name }) => name === 'live'));
        const byId = new Map(nodes.map((node) => [node.nodeId, node]));
        const textOf = (id: string): string => {
          const node = byId.get(id);
          return `${String(node?.name?.value ?? '')} ${(node?.childIds ?? []).map(textOf).join(' ')}`;
        };
        const texts = live.map(({ nodeId }) => textOf(nodeId));
        if (texts.some((text) => text.includes(sentence))) return;
        assert.ok(Date.now() - start < 15_000, `not told: "${sentence}", but ${JSON.stringify(texts)}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    const bob = await stage.visitor('bob');
    await bob.callMyself('Bob');
    await bob.joinByClick('told');
    await tells('Bob has joined.');
    await bob.click('toggle-hand');
    await tells('Bob has raised a hand.');
    await bob.click('toggle-chat');
    await (await bob.find('chat-input')).type('Hello');
    await bob.press('Enter');
    await tells('Bob: Hello');
    await bob.leave();
    await tells('Bob has left.');
  });

  it('nothing moves for whoever wants no motion', async () => {
    const alice = await stage.visitor('alice', { size: { width: 360, height: 640 } });
    await alice.page.emulateMediaFeatures([{ name: 'prefers-reduced-motion', value: 'reduce' }]);
    await alice.createRoom('calm');
    await alice.page.evaluate(() => {
      const seen = ((window as unknown as { moved: Set<string> }).moved = new Set<string>());
      const look = () => {
        for (const animation of document.getAnimations()) {
          const frames = animation.effect instanceof KeyframeEffect ? animation.effect.getKeyframes() : [];
          for (const frame of frames)
            for (const property of Object.keys(frame))
              if (!['offset', 'computedOffset', 'easing', 'composite', 'opacity'].includes(property))
                seen.add(property);
        }
        requestAnimationFrame(look);
      };
      look();
    });
    await alice.click('toggle-chat');
    await alice.click('close-chat');
    await alice.click('open-reactions');
    await alice.click('reaction');
    await alice.shows('tile-reactions');
    await alice.click('toggle-microphone');
    const moved = await alice.page.evaluate(() => [...(window as unknown as { moved: Set<string> }).moved]);
    assert.deepEqual(moved, []);
  });
});
