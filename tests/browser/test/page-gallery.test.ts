/** Every state of a tile, drawn by the page's own components: none breaks, and none is beyond somebody's reach. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { settled, violations } from '../stage/access.ts';
import { openBrowser } from '../stage/browsers.ts';
import { closedAfter } from '../stage/closing.ts';
import { Gallery } from '../stage/gallery.ts';
import { leftOut } from '../stage/servers.ts';
import { Visitor } from '../stage/visitor.ts';

describe('the gallery of tiles', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let alice: Visitor;
  const broken: string[] = [];

  before(async () => {
    const [gallery, browser] = await closing.opened(Gallery.start(), openBrowser('chromium'));
    alice = await Visitor.open(browser, 'alice', { at: gallery.at, path: '/gallery.html' });
    alice.page.on('pageerror', (error) => broken.push(String(error)));
    await alice.shows('story');
  });

  it('shows each in both sizes, with a picture where there is one', async () => {
    const [stories, tiles, videos] = await alice.page.evaluate(() =>
      ['[data-testid="story"]', '[data-testid="tile"]', 'video'].map(
        (selector) => document.querySelectorAll(selector).length,
      ),
    );
    assert.ok(stories && stories >= 20, `${stories} stories`);
    assert.equal(tiles, stories * 2);
    // All but those of the one that waits.
    await alice.until(
      (wanted) => document.querySelectorAll('video:not(.tile-picture-waiting)').length >= wanted,
      [(videos ?? 0) - 2],
      'pictures',
    );
    assert.deepEqual(broken, []);
  });

  for (const dark of [false, true]) {
    it(`is within everybody's reach in ${dark ? 'dark' : 'light'}`, async () => {
      await alice.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }]);
      await settled(alice);
      assert.deepEqual(await violations(alice), []);
    });
  }

  it('says the state of a tile in words, not by looks alone', async () => {
    const words = (story: string) =>
      alice.page.evaluate((name) => {
        const tile = document.querySelector(`[aria-label="${name}"] [data-testid="tile"]`);
        const labels = [...(tile?.querySelectorAll('[aria-label]') ?? [])].map((each) =>
          each.getAttribute('aria-label'),
        );
        return [tile?.textContent, ...labels].join(' ').toLowerCase();
      }, story);
    for (const [story, said] of [
      ['microphone off', 'microphone off'],
      ['camera off', 'camera off'],
      ['lost connection', 'lost'],
      ['poor connection', 'poor'],
      ['raised hand', 'hand'],
      ['pinned', 'pinned'],
      ['no key', 'without the key'],
    ] as const) {
      const text = await words(story);
      assert.ok(text.includes(said), `${story}: ${text}`);
    }
  });
});
