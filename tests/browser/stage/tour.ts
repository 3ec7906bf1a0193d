/** A walk through every view of the page: what is checked for access, and what pictures are taken of. */
import { join } from 'node:path';
import type { Colour } from '../page/palette.ts';
import { Crowd } from './crowd.ts';
import { Guest } from './guest.ts';
import type { Stage } from './visit.ts';
import { testId, type Visitor } from './visitor.ts';

export interface View {
  name: string;
  visitor: Visitor;
  /** Opens what closes when the window gets another size, or lies over what comes next. */
  show?: () => Promise<void>;
  hide?: () => Promise<void>;
  /** Narrower windows have another way to it, or none. */
  widerThan?: number;
}

/** A camera that shows somebody, each colour another one. */
const plan = (portrait: Colour) => ({ portrait, fps: 5 });
const ROOM = 'Morning coffee';
const PAST = JSON.stringify(['Book club', 'A room whose name is longer than a narrow screen is wide']);

/** View after view. What is done with one may change the size of its window and its colours, and nothing else. */
export async function* tour(stage: Stage): AsyncGenerator<View> {
  yield* home(stage);
  yield* joining(stage);
  yield* call(stage);
  yield* meeting(stage);
  yield* many(stage);
  yield* moderation(stage);
  yield* commands(stage);
  yield* elsewhere(stage);
}

async function* home(stage: Stage): AsyncGenerator<View> {
  const first = await stage.visitor('dave', { isFirst: true });
  await first.shows('rooms-empty');
  yield { name: 'home-first', visitor: first };
  await first.close();
  const refused = await stage.visitor('dave', { devices: 'refused' });
  await refused.shows('way-back');
  yield { name: 'home-refused', visitor: refused };
  await refused.close();
  const alice = await stage.visitor('alice', { plan: plan('red') });
  await alice.page.evaluate((past) => localStorage.setItem('visavis.recent-rooms', past), PAST);
  await alice.page.reload();
  await alice.callMyself('Alice');
  await alice.plays(testId('preview'), '', null);
  await alice.shows('recent');
  yield { name: 'home-empty', visitor: alice };
  yield {
    name: 'home-devices',
    visitor: alice,
    show: () => alice.click('choose-microphone'),
    hide: () => alice.press('Escape'),
  };
  yield {
    name: 'settings',
    visitor: alice,
    show: async () => {
      await alice.click('open-settings');
      await alice.plays(testId('settings-preview'), '', null);
    },
    hide: () => alice.click('close-settings'),
  };
  const bob = await stage.visitor('bob', { plan: plan('green') });
  const carol = await stage.visitor('carol', { plan: plan('blue') });
  const dana = await stage.visitor('dave', { plan: plan('cyan') });
  await Promise.all([bob.callMyself('Bob'), carol.callMyself('Carol Mendes'), dana.callMyself('Dana')]);
  await bob.createRoom('Design review');
  await carol.joinByClick('Design review');
  await dana.createRoom('Help desk');
  await alice.badge('Design review', '2 / 50');
  await alice.badge('Help desk', '1 / 50');
  yield { name: 'home-rooms', visitor: alice };
  await alice.click('create-options');
  await alice.fill('room-input', 'a/b');
  await alice.shows('room-rule');
  yield { name: 'home-options', visitor: alice };
  for (const visitor of [alice, bob, carol, dana]) await visitor.close();
}

/** On the way into a room: before the code of calls is there, and before the server has answered. */
async function* joining(stage: Stage): AsyncGenerator<View> {
  for (const [name, held] of [
    ['joining-code', /\/assets\/livekit/],
    ['joining', /\/api\/video\/token/],
  ] as const) {
    const dave = await stage.visitor('dave', { path: '/test' });
    await dave.page.setRequestInterception(true);
    // What is held is never answered: closing the page ends it.
    dave.page.on('request', (request) => void (held.test(request.url()) || request.continue()));
    await dave.page.goto(`${stage.server.http}/r/slow`, { waitUntil: 'domcontentloaded' });
    await dave.shows('room', { more: '[data-state="joining"]' });
    yield { name, visitor: dave };
    await dave.close();
  }
}

async function* call(stage: Stage): AsyncGenerator<View> {
  const alice = await stage.visitor('alice', { plan: plan('red') });
  await alice.callMyself('Alice');
  await alice.createRoom(ROOM);
  await alice.shows('alone');
  yield { name: 'call-alone', visitor: alice };
  const bob = await stage.visitor('bob', { plan: plan('green') });
  const carol = await stage.visitor('carol', { plan: plan('blue') });
  await Promise.all([bob.callMyself('Bob'), carol.callMyself('Carol')]);
  await bob.joinByClick(ROOM);
  const tile = testId('tile', '[data-local="false"]');
  await alice.plays(tile, 'Bob', null);
  yield { name: 'call-two', visitor: alice };
  await carol.joinByClick(ROOM);
  await alice.plays(tile, 'Carol', null);
  await Promise.all([bob.click('toggle-microphone'), carol.click('toggle-microphone')]);
  await carol.click('toggle-camera');
  await alice.shows('tile', { more: '[data-camera-off="true"]', text: 'Carol' });
  await alice.hides('notice');
  yield { name: 'call-three', visitor: alice };
  yield* dialogs(alice);
  yield* talk(alice, bob, carol);
  await alice.press('l');
  await alice.shows('tile', { more: '[data-place="large"]' });
  yield { name: 'call-speaker', visitor: alice };
  await alice.press('l');
  yield* pinned(alice);
  yield* captions(stage, alice);
  await bob.click('toggle-screen');
  await alice.plays(testId('tile', '[data-source="screen_share"]'), 'Bob', null);
  yield { name: 'call-screen', visitor: alice };
  await bob.click('toggle-screen');
  for (const visitor of [bob, carol, alice]) await visitor.close();
}

async function* pinned(alice: Visitor): AsyncGenerator<View> {
  const byMenu = async () => {
    await opens(alice, 'tile-options', 'tile-menu');
    await alice.press('Enter');
    await alice.hides('tile-menu');
  };
  await byMenu();
  await alice.shows('tile', { more: '[data-pinned="true"]' });
  yield { name: 'call-pinned', visitor: alice };
  await byMenu();
}

async function* captions(stage: Stage, alice: Visitor): AsyncGenerator<View> {
  await using guest = await Guest.join(stage.server, ROOM);
  const write = (id: string, text: string, final: boolean) =>
    guest.do('send_text', {
      topic: 'lk.transcription',
      text,
      attributes: { 'lk.segment_id': id, 'lk.transcription_final': String(final) },
    });
  await write('SG_1', 'Good morning, everybody. Shall we begin with what was left of yesterday?', true);
  await write('SG_2', 'I have', false);
  await alice.shows('caption', { more: '[data-final="false"]' });
  yield { name: 'call-captions', visitor: alice };
}

/** More than one page of small tiles holds. */
async function* many(stage: Stage): AsyncGenerator<View> {
  await using crowd = new Crowd(stage.server, 'Assembly');
  await crowd.join(24);
  const alice = await stage.visitor('alice', { path: '/r/Assembly', size: { width: 360, height: 640 } });
  await alice.isIn('Assembly');
  await alice.shows('next-page');
  yield { name: 'call-many', visitor: alice };
  await alice.page.setViewport({ width: 360, height: 640 });
  await alice.click('next-page');
  yield { name: 'call-many-next', visitor: alice };
  await alice.close();
}

/** As many as a usual meeting has. */
async function* meeting(stage: Stage): AsyncGenerator<View> {
  const room = 'Spring planning';
  const alice = await stage.visitor('alice', { plan: plan('red') });
  await alice.callMyself('Alice');
  await alice.createRoom(room);
  const others = await Promise.all(
    (
      [
        ['bob', 'green', 'Bob'],
        ['carol', 'blue', 'Carol Mendes'],
        ['dave', 'yellow', 'Samir'],
        ['dave', 'cyan', 'Dana'],
        ['dave', 'magenta', 'Ngozi'],
      ] as const
    ).map(async ([who, portrait, name]) => {
      const visitor = await stage.visitor(who, { plan: plan(portrait) });
      await visitor.callMyself(name);
      await visitor.joinByClick(room);
      // They send, and leave the machine to hers.
      await visitor.hide(true);
      return visitor;
    }),
  );
  const [bob, carol, samir, dana] = others as [Visitor, Visitor, Visitor, Visitor];
  for (const visitor of [carol, samir, dana]) await visitor.click('toggle-microphone');
  const names = ['Bob', 'Carol', 'Samir', 'Dana', 'Ngozi'];
  await Promise.all(names.map((name) => alice.plays(testId('tile', '[data-local="false"]'), name, null)));
  await dana.click('toggle-hand');
  await says(bob, 'Here is the draft: https://example.org/spring', carol);
  await says(carol, 'Great, the second chart is the one to look at. 👍', bob);
  await says(alice, 'Thanks! Shall we begin with it?', bob);
  await alice.shows('tile-hand');
  await alice.hides('notice');
  yield { name: 'call-six', visitor: alice };
  const chat = { show: () => opens(alice, 'toggle-chat', 'chat'), hide: () => alice.click('close-chat') };
  yield { name: 'call-six-chat', visitor: alice, ...chat };
  await bob.click('toggle-screen');
  await alice.plays(testId('tile', '[data-source="screen_share"]'), 'Bob', null);
  yield { name: 'call-six-screen', visitor: alice };
  for (const visitor of others) await visitor.close();
  await alice.close();
}

/** Writes into the chat; its panel is open for no longer. */
async function says(visitor: Visitor, text: string, read: Visitor): Promise<void> {
  await visitor.click('toggle-chat');
  await (await visitor.find('chat-input')).type(text);
  await visitor.press('Enter');
  await visitor.shows('message', { more: '[data-own="true"][data-state="sent"]', text: text.slice(0, 20) });
  await visitor.click('close-chat');
  await read.shows('unread');
}

/** By the keyboard: neither a notice over the button nor a size that the page has just been given is in the way. */
async function opens(visitor: Visitor, button: string, shown: string): Promise<void> {
  await (await visitor.find(button)).focus();
  await visitor.press('Enter');
  await visitor.shows(shown);
}

async function* dialogs(alice: Visitor): AsyncGenerator<View> {
  const overlays: [name: string, button: string, shown: string][] = [
    ['call-settings', 'open-settings', 'settings'],
    ['call-invite', 'invite', 'invite-dialog'],
    ['call-encryption', 'not-encrypted', 'encryption-dialog'],
    ['call-rooms', 'room-list-button', 'rooms-dialog'],
    ['call-view', 'view-menu-button', 'view-menu'],
    ['call-people', 'toggle-people', 'people'],
  ];
  for (const [name, button, shown] of overlays) {
    yield {
      name,
      visitor: alice,
      show: async () => {
        await opens(alice, button, shown);
        // Fetched when it is first wanted.
        if (shown === 'invite-dialog') await alice.shows('qr');
      },
      hide: async () => {
        await alice.press('Escape');
        await alice.hides(shown);
      },
    };
  }
  yield {
    name: 'call-connection',
    visitor: alice,
    show: async () => {
      await alice.press('i');
      await alice.shows('connection-streams');
    },
    hide: () => alice.press('Escape'),
  };
  yield {
    name: 'call-tile',
    visitor: alice,
    show: async () => {
      await (await alice.find('tile', '[data-local="false"]')).hover();
      await (await alice.find('tile-options')).focus();
      await alice.press('Enter');
      await alice.shows('tile-menu');
    },
    hide: () => alice.press('Escape'),
  };
}

async function* talk(alice: Visitor, bob: Visitor, carol: Visitor): AsyncGenerator<View> {
  const chat = {
    show: async () => {
      await alice.click('toggle-chat');
      await alice.shows('chat');
    },
    hide: () => alice.click('close-chat'),
  };
  yield { name: 'chat-empty', visitor: alice, ...chat };
  for (const visitor of [bob, carol]) await visitor.click('toggle-chat');
  const saysThere = async (visitor: Visitor, text: string) => {
    await (await visitor.find('chat-input')).type(text);
    await visitor.press('Enter');
    await visitor.shows('message', { more: '[data-own="true"][data-state="sent"]', text });
  };
  await saysThere(bob, 'Good morning! The plan for today: https://example.org/plan');
  await carol.shows('message', { text: 'Good morning!' });
  await (await carol.find('message')).hover();
  await carol.click('reply');
  await saysThere(carol, 'Thanks, I will have a look at it right away.');
  const file = await bob.page.$(testId('file-input'));
  await (file as unknown as { uploadFile(path: string): Promise<void> }).uploadFile(
    join(import.meta.dirname, '../../../README.md'),
  );
  await alice.shows('unread');
  for (const visitor of [bob, carol]) await visitor.click('close-chat');
  await bob.click('toggle-hand');
  await alice.shows('tile-hand');
  yield { name: 'call-hand', visitor: alice };
  yield {
    name: 'chat',
    visitor: alice,
    show: async () => {
      await chat.show();
      await alice.shows('file');
    },
    hide: chat.hide,
  };
  yield {
    name: 'call-reactions',
    visitor: alice,
    show: async () => {
      await alice.click('open-reactions');
      await alice.shows('reaction');
    },
    hide: () => alice.press('Escape'),
  };
  yield {
    name: 'call-people-hands',
    visitor: alice,
    show: () => opens(alice, 'toggle-people', 'people'),
    hide: () => alice.click('close-people'),
  };
}

async function* moderation(stage: Stage): AsyncGenerator<View> {
  const room = 'Team talk';
  const alice = await stage.visitor('alice', { plan: plan('red') });
  await alice.callMyself('Alice');
  await alice.createRoom(room);
  yield {
    name: 'room-settings',
    visitor: alice,
    show: async () => {
      await alice.click('open-room-settings');
      await alice.shows('setting-waitingRoom');
    },
    hide: async () => {
      await alice.press('Escape');
      await alice.hides('setting-waitingRoom');
    },
  };
  await alice.click('open-room-settings');
  await alice.click('setting-waitingRoom');
  await alice.click('close-room-settings');
  const carol = await stage.visitor('carol', { plan: plan('blue') });
  await carol.callMyself('Carol');
  await carol.click('room-row', `[data-room="${room}"]`);
  await carol.plays(testId('waiting-preview'), '', null);
  yield { name: 'waiting', visitor: carol };
  await alice.shows('waiting-count', { text: '1' });
  yield {
    name: 'waiting-list',
    visitor: alice,
    show: async () => {
      await opens(alice, 'toggle-people', 'let-in');
    },
    hide: async () => {
      await alice.press('Escape');
      await alice.hides('let-in');
    },
  };
  await Promise.all([alice.close(), carol.close()]);
}

/** What a moderator does, and what those see to whom it is done. */
async function* commands(stage: Stage): AsyncGenerator<View> {
  const room = 'Assembly hall';
  const alice = await stage.visitor('alice', { plan: plan('red') });
  await alice.callMyself('Alice');
  await alice.createRoom(room);
  const bob = await stage.visitor('bob', { plan: plan('green') });
  const carol = await stage.visitor('carol', { plan: plan('blue') });
  await Promise.all([bob.callMyself('Bob'), carol.callMyself('Carol')]);
  await Promise.all([bob.joinByClick(room), carol.joinByClick(room)]);
  await alice.shows('tile', { text: 'Carol' });
  const closed = async (...ids: string[]) => {
    for (const id of ids) {
      await alice.press('Escape');
      await alice.hides(id);
    }
  };
  yield {
    name: 'leave-menu',
    visitor: alice,
    widerThan: 560,
    show: () => opens(alice, 'leave-options', 'leave-menu'),
    hide: () => closed('leave-menu'),
  };
  yield {
    name: 'end-question',
    visitor: alice,
    show: async () => {
      await opens(alice, 'open-room-settings', 'end-for-all');
      await alice.click('end-for-all');
      await alice.shows('question');
    },
    hide: () => closed('question'),
  };
  const menu = async () => {
    await opens(alice, 'toggle-people', 'people');
    await opens(alice, 'person-options', 'person-menu');
  };
  yield { name: 'person-menu', visitor: alice, show: menu, hide: () => closed('person-menu', 'people') };
  yield {
    name: 'remove-question',
    visitor: alice,
    show: async () => {
      await menu();
      await alice.press('End', 'Enter');
      await alice.shows('question');
    },
    hide: () => closed('question', 'people'),
  };
  const does = async (visitor: Visitor, what: string) => {
    const row = `[data-identity="${await visitor.page.evaluate(() => sessionStorage.getItem('visavis.identity'))}"]`;
    await opens(alice, 'toggle-people', 'people');
    await (await alice.find('person', `${row} ${testId('person-options')}`)).focus();
    await alice.press('Enter');
    await alice.click(what);
  };
  await carol.click('toggle-microphone');
  await alice.shows('tile', { more: '[data-muted="true"]', text: 'Carol' });
  await does(carol, 'ask-to-unmute');
  await closed('people');
  await carol.shows('question');
  yield { name: 'asked-to-unmute', visitor: carol };
  await carol.click('question-no');
  await does(bob, 'remove');
  await alice.click('question-yes');
  await bob.shows('notice', { more: '[data-kind="disconnected"]' });
  yield { name: 'removed', visitor: bob };
  await bob.click('choose-microphone');
  await bob.press('Escape');
  await closed('people');
  await alice.click('open-room-settings');
  await alice.click('setting-locked');
  await alice.click('close-room-settings');
  const dave = await stage.visitor('dave', { plan: plan('cyan') });
  await dave.createRoom('Knock first');
  await dave.click('open-room-settings');
  await dave.click('setting-waitingRoom');
  await dave.click('close-room-settings');
  await bob.shows('room-locked');
  await bob.shows('room-knock');
  yield { name: 'home-locked', visitor: bob };
  await opens(alice, 'open-room-settings', 'end-for-all');
  await alice.click('end-for-all');
  await alice.click('question-yes');
  await carol.shows('notice', { more: '[data-kind="disconnected"]' });
  yield { name: 'ended', visitor: carol };
  for (const visitor of [alice, bob, carol, dave]) await visitor.close();
}

async function* elsewhere(stage: Stage): AsyncGenerator<View> {
  const operator = await stage.visitor('carol', { path: '/admin' });
  await operator.shows('admin-token');
  yield { name: 'admin-token', visitor: operator };
  const [, address = ''] = /Operate +(\S+#token=\S+)/.exec(stage.server.log()) ?? [];
  await operator.page.goto(address);
  // What comes meanwhile gives the operator's charts a line.
  await operator.page.reload();
  const test = await stage.visitor('alice', { path: '/test' });
  await test.shows('checkup-start');
  yield { name: 'test', visitor: test };
  await test.click('checkup-start');
  await test.shows('checkup', { more: '[data-phase="finished"]', within: 40_000 });
  yield { name: 'test-finished', visitor: test };
  await test.close();
  const before = await stage.visitor('alice', { path: '/r/Town%20hall?embed=1&join=0', plan: plan('red') });
  await before.shows('left');
  yield { name: 'embed-before', visitor: before };
  await before.click('join-again');
  await before.isIn('Town hall');
  yield { name: 'embed-call', visitor: before };
  const bob = await stage.visitor('bob', { plan: plan('green') });
  await bob.callMyself('Bob');
  await bob.joinByClick('Town hall');
  await before.plays(testId('tile', '[data-local="false"]'), 'Bob', null);
  // The room of before may still be there, above it, and close while one clicks.
  await operator.click('room-row', `[data-room="Town hall"] ${testId('open-room')}`);
  await operator.shows('track-row');
  await operator.shows('person-row', { text: 'Bob' });
  yield { name: 'admin', visitor: operator };
  yield {
    name: 'admin-confirmation',
    visitor: operator,
    show: async () => {
      await operator.click('end-room');
      await operator.shows('confirmation');
    },
    hide: () => operator.click('cancel'),
  };
  await operator.click('view-history');
  await operator.shows('history-row');
  yield { name: 'admin-history', visitor: operator };
  await Promise.all([operator.close(), before.close(), bob.close()]);
}
