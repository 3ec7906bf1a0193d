/** Takes the pictures in `docs/images`: home, settings, a call of three in both layouts, its chat and its connection, in light, dark and narrow. `npm run screenshots [folder]`. */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Stage } from './stage/visit.ts';
import { testId, type Visitor } from './stage/visitor.ts';

const IMAGES = resolve(process.argv[2] ?? join(import.meta.dirname, '../../docs/images'));

async function take(visitor: Visitor, name: string): Promise<void> {
  await visitor.page.screenshot({ path: join(IMAGES, `${name}.png`) });
  console.log(`${name}.png`);
}

await mkdir(IMAGES, { recursive: true });
const stage = await Stage.open();
const plan = { portrait: true, largest: [1280, 720] as [number, number], fps: 10 };
const wide = { plan, size: { width: 1280, height: 720 } };
const alice = await stage.visitor('alice', { ...wide, dark: false });
const bob = await stage.visitor('bob', { ...wide, dark: true });
const carol = await stage.visitor('carol', { plan, dark: false, size: { width: 360, height: 640 } });
for (const [visitor, name] of [
  [alice, 'Alice'],
  [bob, 'Bob'],
  [carol, 'Carol'],
] as const) {
  await visitor.callMyself(name);
}
const camera = testId('preview');
await bob.createRoom('Morning coffee');
await alice.badge('Morning coffee', '1 / 50');
await alice.plays(camera, '', null);
await take(alice, 'home');
await carol.plays(camera, '', null);
await take(carol, 'home-narrow');
await alice.click('open-settings');
await alice.plays(testId('settings-preview'), '', null);
await take(alice, 'settings');
await alice.click('close-settings');
await alice.joinByClick('Morning coffee');
await carol.joinByClick('Morning coffee');
const theirs = (name: string) => [testId('tile', '[data-local="false"]'), name, null] as const;
await Promise.all([alice.plays(...theirs('Bob')), alice.plays(...theirs('Carol'))]);
await Promise.all([bob.plays(...theirs('Alice')), bob.plays(...theirs('Carol'))]);
await Promise.all([carol.plays(...theirs('Alice')), carol.plays(...theirs('Bob'))]);
// One speaks, one is muted, and who has joined is told no more.
await Promise.all([bob.click('toggle-microphone'), carol.click('toggle-microphone')]);
await Promise.all(
  [bob, carol].map((visitor) => visitor.shows('tile', { more: '[data-dominant="true"]', text: 'Alice' })),
);
await Promise.all([alice, bob, carol].map((visitor) => visitor.hides('notice')));
// The pointer would leave a button looking pressed.
await Promise.all([alice, bob, carol].map(({ page }) => page.mouse.move(1, 1)));
await take(alice, 'call');
await take(bob, 'call-dark');
await take(carol, 'call-narrow');
await alice.press('l');
await alice.shows('tile', { more: '[data-place="large"]' });
await take(alice, 'call-speaker');
await bob.press('i');
await bob.shows('connection-streams', { text: 'Mbit/s' });
await take(bob, 'connection-dark');
for (const visitor of [alice, bob]) await visitor.press('Escape');
await alice.press('l');
// Talk: said, replied to, and a hand that is up.
for (const visitor of [alice, bob, carol]) await visitor.click('toggle-chat');
const says = async (visitor: Visitor, text: string) => {
  await (await visitor.find('chat-input')).type(text);
  await visitor.press('Enter');
  await visitor.shows('message', { more: '[data-own="true"][data-state="sent"]', text });
};
await says(alice, 'Good morning! The plan for today: https://example.org/plan');
await carol.shows('message', { text: 'Good morning!' });
await says(carol, 'Thanks, I will have a look at it right away.');
await (await bob.find('message')).hover();
await bob.click('reply');
await says(bob, 'Looks good to me.');
await bob.click('toggle-hand');
await carol.shows('message', { text: 'Looks good' });
await alice.shows('tile-hand');
await Promise.all([alice, bob, carol].map(({ page }) => page.mouse.move(1, 1)));
await take(alice, 'chat');
await take(carol, 'chat-narrow');
await stage.clear();
await stage[Symbol.asyncDispose]();
