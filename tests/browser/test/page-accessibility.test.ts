/** Every view of the page, in light and dark, wide and narrow, with large and spaced text: by axe, without scrolling sideways, with nothing cut. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { cutOff, scrollsSideways, setText, settled, violations, type Text } from '../stage/access.ts';
import { closedAfter } from '../stage/closing.ts';
import { leftOut } from '../stage/servers.ts';
import { tour } from '../stage/tour.ts';
import { Stage } from '../stage/visit.ts';

/** 320 px are 1280 px at a zoom of 400 %, which WCAG 2.2 (1.4.10) wants to reflow. */
const LOOKS = [
  { width: 1280, height: 720, colours: 'light' },
  { width: 1280, height: 720, colours: 'dark' },
  { width: 360, height: 640, colours: 'dark' },
  { width: 320, height: 640, colours: 'light' },
  { width: 1280, height: 720, colours: 'light', text: 'large' },
  { width: 1280, height: 720, colours: 'light', text: 'spaced' },
] as const satisfies { width: number; height: number; colours: 'light' | 'dark'; text?: Text }[];

describe('every view', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let stage: Stage;

  before(async () => {
    [stage] = await closing.opened(Stage.open());
  });

  it('has nothing for axe to complain about, and fits its window', async (test) => {
    for await (const { name, visitor, show, hide, widerThan = 0 } of tour(stage)) {
      await test.test(name, async () => {
        const problems: Record<string, string[]> = {};
        for (const { width, height, colours, ...look } of LOOKS.filter((each) => each.width > widerThan)) {
          const text = 'text' in look ? look.text : null;
          await visitor.page.setViewport({ width, height });
          await visitor.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: colours }]);
          await setText(visitor, text);
          // A click would miss a button that is still on its way to its new place.
          await settled(visitor);
          if (show !== undefined) {
            await show();
            await settled(visitor);
          }
          // Colours and names are the same with larger text.
          const found = [...(await scrollsSideways(visitor)), ...(await cutOff(visitor))];
          if (text === null) found.push(...(await violations(visitor)));
          if (found.length > 0) problems[`${width} ${colours} ${text ?? ''}`.trim()] = found;
          await hide?.();
        }
        await setText(visitor, null);
        await visitor.page.setViewport({ width: 1280, height: 720 });
        assert.deepEqual(problems, {});
      });
    }
  });
});
