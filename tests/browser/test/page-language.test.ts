/** Our own page in other languages: right to left, and changed in a call that goes on meanwhile. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { leftOut } from '../stage/servers.ts';
import { Stage } from '../stage/visit.ts';
import { testId, type Visitor } from '../stage/visitor.ts';

describe('languages of our page', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let stage: Stage;
  let alice: Visitor, bob: Visitor;

  before(async () => {
    [stage] = await closing.opened(Stage.open());
    [alice, bob] = await Promise.all([stage.visitor('alice'), stage.visitor('bob')]);
    await bob.callMyself('bob');
    await bob.createRoom('languages');
  });

  const reads = (visitor: Visitor, lang: string, dir: string) =>
    visitor.until(
      (...wanted) => [document.documentElement.lang, document.documentElement.dir].join() === wanted.join(),
      [lang, dir],
      `a page in ${lang}, ${dir}`,
    );

  it('a browser in Arabic gets Arabic, from right to left', async () => {
    await alice.readsIn('ar-EG,en');
    await alice.page.reload();
    await reads(alice, 'ar', 'rtl');
    await alice.shows('create-room', { text: 'إنشاء' });
    await alice.callMyself('alice');
  });

  it('a call in it is as any other: seen, heard, and written', async () => {
    await alice.joinByClick('languages');
    await Promise.all([alice.sees('bob', PEOPLE.bob.colour), bob.sees('alice', PEOPLE.alice.colour)]);
    await alice.hears(PEOPLE.bob.hz);
    await alice.shows('leave', { text: 'مغادرة' });
    await alice.click('toggle-chat');
    await alice.shows('chat', { text: 'الدردشة' });
    await alice.fill('chat-input', 'مرحبا bob!');
    await alice.press('Enter');
    await alice.shows('message', { more: '[data-state="sent"]', text: 'أنت' });
    await bob.click('toggle-chat');
    await bob.shows('message', { text: 'مرحبا bob!' });
    await alice.click('close-chat');
  });

  it('a name from left to right that is too long is cut at its end there, too', async () => {
    const name = 'A-room-whose-name-is-longer-than-a-narrow-screen-is-wide';
    const other = await stage.visitor('carol', { language: 'ar', size: { width: 360, height: 640 } });
    await other.createRoom(name);
    assert.deepEqual(
      await (
        await other.find('room', ' h1')
      ).evaluate((heading) => {
        const text = document.createRange();
        text.selectNodeContents(heading);
        const [whole, box] = [text.getBoundingClientRect(), heading.getBoundingClientRect()];
        return { isCut: whole.width > box.width, isItsBeginningSeen: whole.left >= box.left };
      }),
      { isCut: true, isItsBeginningSeen: true },
    );
    await other.close();
  });

  it('a language chosen in the call changes the words, and no picture stops', async () => {
    const video = testId('tile', '[data-local="false"] video');
    await bob.sees('alice', PEOPLE.alice.colour);
    await bob.page.evaluate((selector) => Object.assign(window, { before: document.querySelector(selector) }), video);
    await bob.click('open-settings');
    await bob.page.select(testId('language'), 'de');
    await bob.shows('settings', { text: 'Einstellungen' });
    await bob.click('close-settings');
    await reads(bob, 'de', 'ltr');
    await bob.shows('leave', { text: 'Verlassen' });
    await bob.until(
      (selector) => {
        const now = document.querySelector<HTMLVideoElement>(selector);
        return now !== null && now === (window as { before?: unknown }).before && !now.paused;
      },
      [video],
      'the same video, playing',
    );
    await bob.sees('alice', PEOPLE.alice.colour);
    await bob.hears(PEOPLE.alice.hz);
  });

  it('and is kept over a reload', async () => {
    await bob.page.reload();
    await bob.isIn('languages');
    await reads(bob, 'de', 'ltr');
    await bob.shows('leave', { text: 'Verlassen' });
  });
});
