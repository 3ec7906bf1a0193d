/** A whole visit by keyboard alone, in Chromium and Firefox: at each stop the focus can be seen, has a name, and never falls to the page. */
import { before, describe, it } from 'node:test';
import { focusIsGood, walkTo } from '../stage/access.ts';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { leftOut } from '../stage/servers.ts';
import { Stage } from '../stage/visit.ts';
import { testId, type Visitor } from '../stage/visitor.ts';

const ROOM = 'keys alone';

for (const browser of ['chromium', 'firefox'] as const) {
  describe(`a visit by keyboard alone in ${browser}`, { skip: leftOut('visavis') }, () => {
    const closing = closedAfter();
    let stage: Stage;
    let alice: Visitor, bob: Visitor;

    /** What has the focus, in a moment at the latest. */
    const isOn = async (selector: string) => {
      await alice.until((wanted) => document.activeElement?.matches(wanted), [selector], `focus on ${selector}`);
      await focusIsGood(alice, `on ${selector}`);
    };
    const isIn = async (id: string) => {
      await alice.until((wanted) => document.activeElement?.closest(wanted), [testId(id)], `focus in ${id}`);
      await focusIsGood(alice, `in ${id}`);
    };
    const presses = async (id: string, key: 'Enter' | ' ' = 'Enter') => {
      await walkTo(alice, testId(id));
      await alice.press(key);
    };
    /** Opens by the button, goes once through what opened, and closes by Escape. */
    const looksInto = async (button: string, opened: string, inside: string[] = []) => {
      await presses(button);
      await alice.shows(opened);
      await isIn(opened);
      for (const id of inside) await walkTo(alice, `${testId(opened)} ${testId(id)}`);
      await alice.press('Escape');
      await alice.hides(opened);
      await isOn(testId(button));
    };

    before(async () => {
      [stage] = await closing.opened(Stage.open(browser));
      alice = await stage.visitor('alice', { size: { width: 1280, height: 720 } });
    });

    it('home: skips to the rooms, types a name, looks at the devices, makes a room', async () => {
      await alice.shows('home');
      await alice.press('Tab');
      await isOn(testId('skip-link'));
      await alice.press('Enter');
      await isOn('.home-rooms');
      await alice.press('Tab');
      await focusIsGood(alice, 'after the skip link');
      await walkTo(alice, testId('name-input'));
      await alice.page.keyboard.type('Alice');
      await looksInto('choose-microphone', 'microphone-menu');
      await looksInto('open-settings', 'settings', ['camera-select', 'close-settings']);
      await presses('preview-camera', ' ');
      await alice.shows('preview-camera', { more: '[aria-pressed="false"]' });
      await alice.press(' ');
      await alice.shows('preview-camera', { more: '[aria-pressed="true"]' });
      await walkTo(alice, testId('room-input'));
      await alice.page.keyboard.type(ROOM);
      await alice.press('Enter');
      await alice.isIn(ROOM);
      await isOn('.room h1');
    });

    it('a call: skips to the buttons, mutes, turns the camera off, raises a hand, reacts', async () => {
      bob = await stage.visitor('bob');
      await bob.callMyself('Bob');
      await bob.joinByClick(ROOM);
      await bob.sees('Alice', PEOPLE.alice.colour);
      await alice.press('Tab');
      await isOn(testId('skip-link'));
      await alice.press('Enter');
      await isOn('.room-footer');
      await alice.press('Tab');
      await isOn(testId('toggle-microphone'));
      await alice.press(' ');
      await bob.shows('tile', { more: '[data-local="false"][data-muted="true"]', text: 'Alice' });
      await alice.press(' ');
      await bob.shows('tile', { more: '[data-local="false"][data-muted="false"]', text: 'Alice' });
      await presses('toggle-camera', ' ');
      await bob.shows('tile', { more: '[data-local="false"][data-camera-off="true"]', text: 'Alice' });
      await alice.press(' ');
      await bob.sees('Alice', PEOPLE.alice.colour);
      await presses('toggle-hand', ' ');
      await bob.shows('tile-hand');
      await alice.press(' ');
      await bob.hides('tile-hand');
      await presses('open-reactions');
      await alice.shows('reaction');
      await walkTo(alice, testId('reaction'));
      await alice.press('Enter');
      await alice.shows('tile-reactions');
      await alice.press('Escape');
      await alice.hides('reaction');
      await isOn(testId('open-reactions'));
    });

    it('the chat: writes, reads, and closes it', async () => {
      await presses('toggle-chat');
      await isIn('chat');
      await walkTo(alice, testId('chat-input'));
      await alice.page.keyboard.type('Hello Bob');
      await alice.press('Enter');
      await bob.click('toggle-chat');
      await bob.shows('message', { text: 'Hello Bob' });
      await (await bob.find('chat-input')).type('Hello Alice');
      await bob.press('Enter');
      await bob.click('close-chat');
      await alice.shows('message', { text: 'Hello Alice' });
      await walkTo(alice, testId('reply'));
      await walkTo(alice, testId('close-chat'));
      await alice.press('Escape');
      await alice.hides('chat');
      await isOn(testId('toggle-chat'));
    });

    it('each dialog and panel opens, is gone through, and gives the focus back', async () => {
      await looksInto('toggle-people', 'people', ['close-people']);
      await looksInto('open-settings', 'settings', ['settings-name', 'blur-field', 'language', 'close-settings']);
      await looksInto('open-connection', 'connection', ['close-connection']);
      await looksInto('invite', 'invite-dialog', ['invite-link', 'close-invite']);
      await looksInto('room-list-button', 'rooms-dialog', ['close-rooms']);
      await looksInto('open-room-settings', 'room-settings', ['setting-locked', 'end-for-all', 'close-room-settings']);
      await looksInto('leave-options', 'leave-menu');
    });

    it('the stage: goes from tile to tile, pins by the menu, takes another layout', async () => {
      await presses('tile-options');
      await isOn(testId('tile-pin'));
      await alice.press('Enter');
      await alice.shows('tile', { more: '[data-pinned="true"]' });
      await isOn(testId('tile-options'));
      for (const arrow of ['ArrowRight', 'ArrowLeft', 'ArrowDown', 'ArrowUp'] as const) {
        await alice.press(arrow);
        await isOn(testId('tile-options'));
      }
      await presses('tile-options');
      await isOn(testId('tile-pin'));
      await alice.press('Escape');
      await isOn(testId('tile-options'));
      await alice.press('Enter', 'Enter');
      await isOn(testId('tile-options'));
      await presses('view-menu-button');
      await isIn('view-menu');
      await walkToItem(alice, 'layout-speaker');
      await alice.press('Enter');
      await alice.shows('tile', { more: '[data-place="large"]' });
      await isOn(testId('view-menu-button'));
    });

    it('moderation: mutes somebody, thinks twice about removing them, and removes them', async () => {
      await presses('toggle-people');
      await isIn('people');
      await presses('person-options');
      await isIn('person-menu');
      await walkToItem(alice, 'mute');
      await alice.press('Enter');
      await bob.shows('toggle-microphone', { more: '[aria-pressed="false"]' });
      await isOn(testId('person-options'));
      for (const answer of ['question-no', 'question-yes']) {
        await presses('person-options');
        await isIn('person-menu');
        await walkToItem(alice, 'remove');
        await alice.press('Enter');
        await isIn('question');
        await walkTo(alice, testId(answer));
        await alice.press('Enter');
        await alice.hides('question');
        if (answer === 'question-no') await isOn(testId('person-options'));
      }
      await alice.hides('person-options');
      // The row is gone, and what had the focus with it.
      await isIn('people');
      await alice.press('Escape');
      await alice.hides('people');
      await isOn(testId('toggle-people'));
    });

    it('leaves, and is at home, where it goes on at the top', async () => {
      await presses('leave');
      await alice.shows('home');
      await isOn('.home h1');
      await alice.press('Tab');
      await focusIsGood(alice, 'at home again');
    });
  });
}

/** In a menu, by the arrow keys. */
async function walkToItem(visitor: Visitor, id: string): Promise<void> {
  for (let presses = 0; presses < 12; presses++) {
    if (await visitor.page.evaluate((wanted) => document.activeElement?.matches(wanted), testId(id))) return;
    await visitor.press('ArrowDown');
    await focusIsGood(visitor, `on the way to ${id}`);
  }
  throw new Error(`no ${id} in the menu. ${await visitor.report()}`);
}
