/** What can be told apart on the screen: parts of a page as they are drawn, compared by contrast. */
import type { Browser, Page } from 'puppeteer-core';
import type { Visitor } from './visitor.ts';

/** A part of the page, as PNG. */
export type Shot = string;

/** An empty page, in which pictures are compared. */
export async function openJudge(browser: Browser): Promise<Page> {
  const page = await browser.newPage();
  // What names functions where these tests are compiled.
  await page.evaluate('globalThis.__name = (named) => named');
  return page;
}

/** How an element, or a part of the page, is drawn now, with a margin for what is around it. */
export async function shotOf(visitor: Visitor, selector: string, margin = 8): Promise<Shot> {
  const box = await visitor.view.$eval(selector, (element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return { x, y, width, height };
  });
  const x = Math.max(0, box.x - margin);
  const y = Math.max(0, box.y - margin);
  const clip = { x, y, width: box.width + box.x - x + margin, height: box.height + box.y - y + margin };
  return visitor.page.screenshot({ clip, encoding: 'base64' });
}

/** How many pixels changed by a contrast of 3 : 1 at least, which WCAG asks of what tells a state (1.4.11, 2.4.13). */
export async function changedPixels(judge: Page, before: Shot, after: Shot): Promise<number> {
  return judge.evaluate(
    async (...shots) => {
      const [one, other] = await Promise.all(
        shots.map(async (shot) => {
          const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${shot}`)).blob());
          const context = new OffscreenCanvas(picture.width, picture.height).getContext('2d')!;
          context.drawImage(picture, 0, 0);
          return context.getImageData(0, 0, picture.width, picture.height).data;
        }),
      );
      const linear = (value: number) => (value <= 10.3 ? value / 3294 : ((value / 255 + 0.055) / 1.055) ** 2.4);
      const luminance = (data: Uint8ClampedArray, at: number) =>
        0.2126 * linear(data[at]!) + 0.7152 * linear(data[at + 1]!) + 0.0722 * linear(data[at + 2]!);
      let changed = 0;
      for (let at = 0; at < Math.min(one!.length, other!.length); at += 4) {
        const [a, b] = [luminance(one!, at), luminance(other!, at)];
        if ((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) >= 3) changed += 1;
      }
      return changed;
    },
    before,
    after,
  );
}
