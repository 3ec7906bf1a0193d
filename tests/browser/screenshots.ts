/** Takes the pictures in `docs/images`: home, settings, and a call of three, in light and dark. `npm run screenshots [folder]`. */
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
const wide = { size: { width: 1280, height: 720 } };
const alice = await stage.visitor('alice', { ...wide, dark: false });
const bob = await stage.visitor('bob', { ...wide, dark: true });
const carol = await stage.visitor('carol', { dark: false, size: { width: 360, height: 640 } });
for (const [visitor, name] of [
  [alice, 'Alice'],
  [bob, 'Bob'],
  [carol, 'Carol'],
] as const) {
  await visitor.callMyself(name);
}
await alice.createRoom('Morning coffee');
await bob.plays(testId('preview'), '', 'green');
await bob.badge('Morning coffee', '1 / 50');
await take(bob, 'home-dark');
await carol.plays(testId('preview'), '', 'blue');
await take(carol, 'home-narrow');
await bob.click('open-settings');
await bob.plays(testId('settings-preview'), '', 'green');
await take(bob, 'settings-dark');
await bob.click('close-settings');
await bob.joinByClick('Morning coffee');
await carol.joinByClick('Morning coffee');
await Promise.all([alice.sees('Bob', 'green'), alice.sees('Carol', 'blue'), bob.sees('Alice', 'red')]);
await carol.sees('Alice', 'red');
await take(alice, 'call');
await take(bob, 'call-dark');
await take(carol, 'call-narrow');
await alice.leave();
await alice.badge('Morning coffee', '2 / 50');
await alice.plays(testId('preview'), '', 'red');
await take(alice, 'home');
await alice.click('open-settings');
await alice.plays(testId('settings-preview'), '', 'red');
await take(alice, 'settings');
await stage.clear();
await stage[Symbol.asyncDispose]();
