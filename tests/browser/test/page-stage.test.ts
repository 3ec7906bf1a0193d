/** Who is seen on Visavis' own page, and how: pages, layouts, pins, full screen, the small window, and the panel about the connection. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { tabTo, violations } from '../stage/access.ts';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { leftOut } from '../stage/servers.ts';
import { Stage } from '../stage/visit.ts';
import { testId, type Visitor } from '../stage/visitor.ts';

declare global {
  interface Window {
    documentPictureInPicture?: { readonly window: Window | null };
  }
}

/** So small that the first page holds three. */
const THREE_FIT = { width: 360, height: 280 };
const USUAL = { width: 1000, height: 700 };

/** Waits until these people are on the page, in this order. */
function seats(visitor: Visitor, ...names: string[]): Promise<void> {
  return visitor.until(
    (selector, wanted) =>
      [...document.querySelectorAll(selector)].map((plate) => plate.textContent).join() === wanted.join(),
    [`${testId('tile')} .tile-name`, names],
    `the tiles of ${names.join(', ')} in this order`,
  );
}

/** Waits until the pictures of the tiles on the page come, and no others, and the server was asked for no others. */
function fetchesOnlyWhatIsShown(visitor: Visitor, count: number): Promise<void> {
  return visitor.until(
    async (selector, wanted) => {
      const shown = [...document.querySelectorAll<HTMLVideoElement>(selector)].map(({ srcObject }) =>
        srcObject instanceof MediaStream ? srcObject.getVideoTracks()[0]?.id : undefined,
      );
      const flowing = await window.incoming.flowing();
      const videos = window.peerConnections.flatMap((connection) =>
        connection.getReceivers().flatMap(({ track }) => (track.kind === 'video' ? [track.id] : [])),
      );
      const pictures = flowing.filter((id) => videos.includes(id));
      return (
        shown.length === wanted &&
        pictures.sort().join() === shown.sort().join() &&
        window.incoming.subscribed('video') === wanted
      );
    },
    [`${testId('tile', '[data-local="false"]')} video`, count],
    `${count} pictures that come, all of them shown`,
  );
}

describe('the stage of our page', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let stage: Stage;
  let alice: Visitor, bob: Visitor, carol: Visitor, dave: Visitor;

  before(async () => {
    [stage] = await closing.opened(Stage.open());
    alice = await stage.visitor('alice', { size: THREE_FIT });
    [bob, carol, dave] = await Promise.all([stage.visitor('bob'), stage.visitor('carol'), stage.visitor('dave')]);
    for (const visitor of [alice, bob, carol, dave]) {
      await visitor.callMyself(visitor.name);
      await visitor.click('preview-microphone');
    }
    await alice.createRoom('stage');
    for (const visitor of [bob, carol, dave]) {
      await visitor.joinByClick('stage');
      await alice.until(
        (selector, count) => document.querySelector(selector)?.textContent?.startsWith(String(count)),
        ['.room-people', [bob, carol, dave].indexOf(visitor) + 2],
        `${visitor.name} in the room`,
      );
    }
  });

  it('those who have no place on the page are not fetched', async () => {
    await seats(alice, 'alice (you)', 'bob', 'carol');
    await Promise.all([alice.sees('bob', PEOPLE.bob.colour), alice.sees('carol', PEOPLE.carol.colour)]);
    await fetchesOnlyWhatIsShown(alice, 2);
  });

  it('on the next page the others are, and those of the first no longer, but they are heard', async () => {
    await alice.click('next-page');
    await seats(alice, 'dave');
    await alice.sees('dave', PEOPLE.dave.colour);
    await fetchesOnlyWhatIsShown(alice, 1);
    await Promise.all([alice.hears(PEOPLE.bob.hz), bob.click('toggle-microphone')]);
  });

  it('who speaks on another page takes the place of the one who was silent for the longest', async () => {
    await alice.click('previous-page');
    await seats(alice, 'alice (you)', 'bob', 'carol');
    await alice.shows('tile', { more: '[data-speaking="true"]', text: 'bob' });
    await bob.click('toggle-microphone');
    await alice.hides('tile', { more: '[data-speaking="true"]' });
    await dave.click('toggle-microphone');
    await seats(alice, 'alice (you)', 'bob', 'dave');
    await alice.sees('dave', PEOPLE.dave.colour);
  });

  it('by keyboard alone the speaker is made large, then somebody who is pinned', async () => {
    await alice.page.setViewport(USUAL);
    await seats(alice, 'alice (you)', 'bob', 'dave', 'carol');
    await tabTo(alice, testId('view-menu-button'));
    await alice.press('Enter', 'ArrowDown', 'Enter');
    await alice.shows('tile', { more: '[data-place="large"]', text: 'dave' });
    await tabTo(alice, testId('tile-options'));
    // From the large tile to the strip beside it, oneself at the top, and down to bob.
    await alice.press('ArrowRight', 'ArrowUp', 'ArrowUp', 'ArrowDown', 'Enter');
    await alice.shows('tile-menu');
    await alice.press('Enter');
    await alice.shows('tile', { more: '[data-place="large"][data-pinned="true"]', text: 'bob' });
    await alice.sees('bob', PEOPLE.bob.colour);
  });

  it('a screen is large as soon as it is shared, and of several the one that is pinned', async () => {
    await alice.press('l', 'l');
    await Promise.all([bob.click('toggle-screen'), dave.click('toggle-screen')]);
    await alice.until(
      (selector) => document.querySelectorAll(selector).length === 2,
      [testId('tile', '[data-source="screen_share"]')],
      'two screens',
    );
    await alice.shows('tile', { more: '[data-place="large"][data-source="screen_share"]' });
    const small = testId('tile', '[data-place="strip"][data-source="screen_share"]');
    const identity = await alice.page.$eval(small, (tile) => tile.getAttribute('data-identity'));
    await (await alice.page.waitForSelector(small))?.click({ button: 'right' });
    await alice.click('tile-pin');
    await alice.plays(testId('tile', `[data-place="large"][data-identity="${identity}"]`), 'screen', 'magenta');
    await Promise.all([bob.click('toggle-screen'), dave.click('toggle-screen')]);
  });

  it('the layout that was chosen is kept', async () => {
    await alice.page.reload();
    await alice.isIn('stage');
    await alice.shows('tile', { more: '[data-place="large"]' });
    await alice.press('l');
    await alice.hides('tile', { more: '[data-place="large"]' });
  });

  it('one tile fills the screen, by its menu, and leaves it by a key', async () => {
    const tile = testId('tile', '[data-local="false"]');
    await (await alice.page.waitForSelector(tile))?.click({ button: 'right' });
    await alice.click('tile-full-screen');
    await alice.shows('stage', { more: '[data-kind="only"]' });
    await alice.until(
      (selector) => document.fullscreenElement !== null && document.querySelector(selector)?.clientWidth === innerWidth,
      [testId('tile')],
      'a tile as wide as the screen',
    );
    await alice.press('f');
    await alice.shows('stage', { more: '[data-kind="grid"]' });
    await alice.until(() => document.fullscreenElement === null, [], 'no full screen');
  });

  it('the small window shows who speaks, and closes by the same key', async () => {
    await dave.click('toggle-microphone');
    await dave.click('toggle-microphone');
    await alice.shows('tile', { more: '[data-dominant="true"]', text: 'dave' });
    await alice.press('p');
    await alice.until(
      () => {
        const video = window.documentPictureInPicture?.window?.document.querySelector('video');
        return video && window.senses.see(video).colour === 'cyan';
      },
      [],
      'dave in the small window',
    );
    await alice.press('p');
    await alice.until(() => !window.documentPictureInPicture?.window, [], 'no small window');
  });

  it('the panel about the connection has figures of each stream, anew each second', async () => {
    await alice.press('i');
    await alice.shows('connection-transport', { text: 'UDP' });
    await alice.shows('connection-round-trip', { text: ' ms' });
    await alice.until(
      (panel) => {
        const rows = [...document.querySelectorAll(`${panel} tr[data-source="camera"]`)].map((row) => row.textContent);
        return (
          rows.length === 4 && rows.every((row) => /[1-9]\d* [kM]bit\/s.*% *\d+ × \d+, \d+\/s *[A-Z]/.test(row ?? ''))
        );
      },
      [testId('connection')],
      'figures of four cameras',
    );
    assert.deepEqual(await violations(alice), []);
    await alice.press('Escape');
    await alice.hides('connection');
  });

  it('it says so if the call goes over TCP', async () => {
    const eve = await stage.visitor('bob', { path: '/r/stage', onlyTcp: true });
    await eve.isIn('stage');
    await eve.press('i');
    await eve.shows('connection-findings', { text: 'You are connected over TCP' });
    await eve.shows('connection-transport', { text: 'TCP' });
    await eve.close();
  });

  it('axe has nothing to complain about in the menus and the speaker layout', async () => {
    await alice.press('l');
    await alice.shows('tile', { more: '[data-place="large"]' });
    assert.deepEqual(await violations(alice), []);
    await alice.click('view-menu-button');
    await alice.shows('view-menu');
    assert.deepEqual(await violations(alice), []);
    await alice.press('Escape');
    await alice.hides('view-menu');
  });
});
