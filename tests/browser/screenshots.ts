/**
 * Takes pictures of every view. `npm run screenshots` writes those of `docs/images`: wide in light, narrow in dark.
 * `npm run screenshots -- all [folder]` takes all sizes in both, to be looked at: into `pictures`, which git leaves out.
 */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { settled } from './stage/access.ts';
import { tour } from './stage/tour.ts';
import { Stage } from './stage/visit.ts';

interface Picture {
  width: number;
  height: number;
  dark: boolean;
}

const [which, folder] = process.argv.slice(2);
const all = which === 'all';
const images = resolve(folder ?? join(import.meta.dirname, all ? 'pictures' : '../../docs/images'));
const HEIGHTS: Record<number, number> = { 360: 640, 768: 1024, 1280: 720, 1920: 1080 };
const PICTURES: Picture[] = all
  ? [true, false].flatMap((dark) =>
      Object.entries(HEIGHTS).map(([width, height]) => ({ width: Number(width), height, dark })),
    )
  : [
      { width: 1280, height: 720, dark: false },
      { width: 360, height: 640, dark: true },
    ];

await mkdir(images, { recursive: true });
const stage = await Stage.open();
for await (const { name, visitor, show, hide } of tour(stage)) {
  for (const { width, height, dark } of PICTURES) {
    await visitor.page.setViewport({ width, height });
    await visitor.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }]);
    // A click would miss a button that is still on its way to its new place.
    await settled(visitor);
    await show?.();
    // The pointer would leave a button looking pressed.
    await visitor.page.mouse.move(1, 1);
    await settled(visitor);
    const file = `${name}-${width}-${dark ? 'dark' : 'light'}.png`;
    await visitor.page.screenshot({ path: join(images, file) });
    await hide?.();
    console.log(file);
  }
}
await stage[Symbol.asyncDispose]();
