/** A call on Visavis' own page, as people make one: from the preview to closing the tab. The cases follow each other in one call. */
import { before, describe, it } from 'node:test';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { leftOut } from '../stage/servers.ts';
import { Stage } from '../stage/visit.ts';
import { testId, type Visitor } from '../stage/visitor.ts';

/** The pitch of the tab that Bob shares. */
const TAB = 2300;

describe('a call on our page', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let stage: Stage;
  let alice: Visitor, bob: Visitor, carol: Visitor;

  before(async () => {
    [stage] = await closing.opened(Stage.open());
  });

  it('home shows the own picture, an empty list, and no way to create a nameless room', async () => {
    [alice, bob, carol] = await Promise.all([
      stage.visitor('alice'),
      stage.visitor('bob', { plan: { screenHz: TAB } }),
      stage.visitor('carol'),
    ]);
    await Promise.all([alice, bob, carol].map((visitor) => visitor.callMyself(visitor.name)));
    await alice.plays(testId('preview'), '', 'red');
    await alice.shows('rooms-empty', { text: 'Add a room to begin' });
    await alice.shows('create-room', { more: ':disabled' });
    await alice.fill('room-input', 'alpha');
    await alice.shows('create-room', { more: ':enabled' });
  });

  it('Enter creates the room and joins it, alone', async () => {
    await alice.press('Enter');
    await alice.isIn('alpha');
    await alice.shows('alone', { text: "You're the only one in this room." });
    await alice.shows('leave');
  });

  it('the others see the room with its count, and it fills up, without a reload', async () => {
    await Promise.all([bob.badge('alpha', '1 / 50', 2_000), carol.badge('alpha', '1 / 50', 2_000)]);
    await bob.joinByClick('alpha');
    await carol.badge('alpha', '2 / 50', 2_000);
  });

  it('both see and hear each other, and nobody is alone any more', async () => {
    await Promise.all([
      alice.sees('bob', PEOPLE.bob.colour),
      alice.hears(PEOPLE.bob.hz),
      bob.sees('alice', PEOPLE.alice.colour),
      bob.hears(PEOPLE.alice.hz),
      alice.hides('alone'),
      bob.hides('alone'),
    ]);
  });

  it('the one who speaks is marked', async () => {
    await alice.click('toggle-microphone');
    await alice.shows('tile', {
      more: '[data-local="false"][data-speaking="true"][data-dominant="true"]',
      text: 'bob',
      within: 4_000,
    });
  });

  it('a muted microphone and a camera that is off are shown, and undone', async () => {
    const tile = '[data-local="false"]';
    await bob.shows('tile', { more: `${tile}[data-muted="true"]`, text: 'alice', within: 2_000 });
    await Promise.all([
      bob.shows('tile', { more: `${tile}[data-camera-off="true"]`, text: 'alice', within: 2_000 }),
      alice.click('toggle-camera'),
    ]);
    await alice.click('toggle-microphone');
    await Promise.all([bob.hears(PEOPLE.alice.hz, 2_000), alice.click('toggle-camera')]);
    await bob.sees('alice', PEOPLE.alice.colour);
  });

  it('another camera and microphone chosen in the call reach the others, another speaker oneself', async () => {
    await alice.click('open-settings');
    await Promise.all([bob.sees('alice', 'yellow', 'camera', 2_000), alice.choose('camera', 'camera-spare')]);
    await Promise.all([bob.hears(1700, 2_000), alice.choose('microphone', 'microphone-spare')]);
    await alice.choose('speaker', 'speaker-spare');
    await alice.until(() => window.fakeDevices.chosenSpeakers.at(-1) === 'speaker-spare', [], 'the speaker', 2_000);
  });

  it('when the camera in use is pulled out, another takes over', async () => {
    await Promise.all([
      bob.sees('alice', PEOPLE.alice.colour, 'camera', 4_000),
      alice.page.evaluate(() => window.fakeDevices.unplug('camera-spare')),
    ]);
    await alice.click('close-settings');
  });

  it('a shared screen shows within 2 s, with the sound of its tab beside the voice, and goes', async () => {
    await Promise.all([alice.sees('bob', 'magenta', 'screen_share', 2_000), bob.click('toggle-screen')]);
    await Promise.all([alice.hears(TAB), alice.hears(PEOPLE.bob.hz)]);
    await Promise.all([
      alice.until(
        (sound) => document.querySelector(sound) === null,
        ['audio[data-source="screen_share_audio"]'],
        'no sound of a screen',
      ),
      alice.hides('tile', { more: '[data-source="screen_share"]', within: 2_000 }),
      bob.click('toggle-screen'),
    ]);
  });

  it('a third joins by the address of the room', async () => {
    await carol.page.goto(`${stage.server.http}/r/alpha`);
    await carol.isIn('alpha');
    await Promise.all([
      carol.sees('alice', PEOPLE.alice.colour),
      carol.sees('bob', PEOPLE.bob.colour),
      carol.hears(PEOPLE.bob.hz),
      alice.hears(PEOPLE.carol.hz),
    ]);
  });

  it('the list of rooms in a room marks the one that is joined', async () => {
    await alice.click('room-list-button');
    await alice.shows('room-row', { more: '[data-room="alpha"][aria-current="true"]' });
    await alice.click('close-rooms');
  });

  it('who leaves is back home with the preview, and the others see it within 2 s', async () => {
    await Promise.all([alice.losesSight('bob', 2_000), carol.losesSight('bob', 2_000), bob.leave()]);
    await bob.hides('notice', { more: '[data-kind="presence"]', within: 100 });
    await bob.plays(testId('preview'), '', PEOPLE.bob.colour);
    await bob.badge('alpha', '2 / 50', 2_000);
  });

  it('who reloads comes back into the room', async () => {
    await carol.page.reload();
    await carol.isIn('alpha');
    await Promise.all([carol.sees('alice', PEOPLE.alice.colour), alice.sees('carol', PEOPLE.carol.colour)]);
    await bob.badge('alpha', '2 / 50', 2_000);
  });

  it('who closes the tab is gone within 20 s, and the one left is alone', async () => {
    await Promise.all([alice.shows('alone', { within: 20_000 }), bob.badge('alpha', '1 / 50', 20_000), carol.close()]);
  });
});
