/**
 * Takes pictures of the views. `npm run screenshots` writes those of `docs/images`, `npm run screenshots -- all [folder] [view …]` all
 * sizes of all views or of those named, light and dark, to be looked at: into `pictures` if no folder is named, which git leaves out.
 * `TEST_LANGUAGE` says in which language.
 */
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { settled } from './stage/access.ts';
import { tour } from './stage/tour.ts';
import { Stage } from './stage/visit.ts';

interface Picture {
  width: number;
  dark: boolean;
}

/** What `docs/images` keeps: views and the sizes that show them best. */
const KEPT: Record<string, readonly Picture[]> = {
  'home-rooms': [
    { width: 1280, dark: false },
    { width: 360, dark: true },
  ],
  'call-six': [{ width: 1280, dark: true }],
  'call-six-chat': [{ width: 1280, dark: false }],
  'call-six-screen': [{ width: 1280, dark: false }],
  'call-two': [{ width: 360, dark: false }],
  'call-connection': [{ width: 1280, dark: false }],
  'call-people-hands': [{ width: 360, dark: false }],
  chat: [{ width: 360, dark: true }],
  'room-settings': [{ width: 768, dark: false }],
  settings: [{ width: 1280, dark: false }],
  waiting: [{ width: 360, dark: false }],
  'test-finished': [{ width: 768, dark: false }],
  admin: [{ width: 1280, dark: false }],
};

const HEIGHTS: Record<number, number> = { 360: 640, 768: 1024, 1280: 720, 1920: 1080 };
const EVERY: readonly Picture[] = [true, false].flatMap((dark) =>
  Object.keys(HEIGHTS).map((width) => ({ width: Number(width), dark })),
);
/** So that a clone stays small, bytes. */
const LARGEST = 150_000;

const [which, folder, ...names] = process.argv.slice(2);
const all = which === 'all';
const images = resolve(folder ?? join(import.meta.dirname, all ? 'pictures' : '../../docs/images'));
const picturesOf = (view: string): readonly Picture[] => {
  if (!all) return KEPT[view] ?? [];
  return names.length === 0 || names.includes(view) ? EVERY : [];
};

await mkdir(images, { recursive: true });
const written = new Set<string>();
const stage = await Stage.open();
stage.language = process.env['TEST_LANGUAGE'];
stage.devices = { largest: [1280, 720] };
for await (const { name, visitor, show, hide, widerThan = 0 } of tour(stage)) {
  for (const { width, dark } of picturesOf(name).filter((each) => each.width > widerThan)) {
    const { page } = visitor;
    await page.setViewport({ width, height: HEIGHTS[width] ?? width });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }]);
    // A click would miss a button that is still on its way to its new place.
    await settled(visitor);
    await show?.();
    // The pointer would leave a button looking pressed.
    await page.mouse.move(1, 1);
    await settled(visitor);
    const file = `${name}-${width}-${dark ? 'dark' : 'light'}.${all ? 'png' : 'webp'}`;
    const path = join(images, file);
    // What has to be looked at is whole; what is shown is as one sees it.
    const isLong = await page.evaluate(() => document.documentElement.scrollHeight > innerHeight);
    await page.screenshot(all ? { path, fullPage: isLong } : { path, type: 'webp', quality: 84 });
    written.add(file);
    await hide?.();
    const { size } = await stat(path);
    console.log(`${file}: ${Math.ceil(size / 1000)} kB`);
    if (!all && size > LARGEST) throw new Error(`${file} has ${size} bytes; allowed are ${LARGEST}`);
  }
}
await stage[Symbol.asyncDispose]();
if (!all) {
  const missing = Object.keys(KEPT).filter((view) => ![...written].some((file) => file.startsWith(`${view}-`)));
  if (missing.length > 0) throw new Error(`the tour has no view of these names: ${missing.join(', ')}`);
  // Those of before would stay, and nobody would notice.
  for (const file of await readdir(images)) if (!written.has(file)) await rm(join(images, file));
}
