/**
 * Visavis' own page in colours of the person's own, as Windows' contrast themes set them: backgrounds and shadows are gone, and what
 * they told has to be seen all the same. Looked at on the screen, pixel by pixel.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import jsqr from 'jsqr';
import type { Page } from 'puppeteer-core';
import { settled } from '../stage/access.ts';
import { closedAfter } from '../stage/closing.ts';
import { changedPixels, openJudge, shotOf, type Shot } from '../stage/pixels.ts';
import { leftOut } from '../stage/servers.ts';
import { Stage } from '../stage/visit.ts';
import { testId, type Visitor } from '../stage/visitor.ts';

/** Of a line 2 px wide around the smallest target, 24 px across. */
const SEEN = Math.floor(2 * Math.PI * 24);
/** A tile's frame changes with whoever is louder: nothing else of it is looked at. */
const EDGE = 8;

for (const scheme of ['light', 'dark'] as const) {
  describe(`our page in forced colours, ${scheme}`, { skip: leftOut('visavis') }, () => {
    const closing = closedAfter();
    let stage: Stage, judge: Page;
    let alice: Visitor, bob: Visitor;

    before(async () => {
      [stage] = await closing.opened(Stage.open());
      judge = await openJudge(stage.browser);
      [alice, bob] = await Promise.all([stage.visitor('alice'), stage.visitor('bob')]);
      await (
        await alice.cdp()
      ).send('Emulation.setEmulatedMedia', {
        features: [
          { name: 'forced-colors', value: 'active' },
          { name: 'prefers-color-scheme', value: scheme },
          { name: 'prefers-reduced-motion', value: 'reduce' },
        ],
      });
      await alice.until(() => matchMedia('(forced-colors: active)').matches, [], 'forced colours');
    });

    /** What an element looks like before and after something is done. */
    async function changes(selector: string, act: () => Promise<unknown>, margin?: number): Promise<number> {
      const look = async (): Promise<Shot> => {
        await settled(alice);
        return shotOf(alice, selector, margin);
      };
      const was = await look();
      await act();
      return changedPixels(judge, was, await look());
    }

    /** Presses a button, and waits until it says so. */
    async function toggle(id: string): Promise<void> {
      const said = (selector: string) => {
        const button = document.querySelector(selector);
        return [button?.getAttribute('aria-pressed'), button?.getAttribute('aria-expanded')].join();
      };
      const before = await alice.page.evaluate(said, testId(id));
      await alice.click(id);
      await alice.until(
        (selector, was) => {
          const button = document.querySelector(selector);
          return [button?.getAttribute('aria-pressed'), button?.getAttribute('aria-expanded')].join() !== was;
        },
        [testId(id), before],
        `${id} toggled`,
      );
    }

    async function focusIsSeen(...ids: string[]): Promise<void> {
      for (const id of ids) {
        const selector = id.startsWith('.') ? id : testId(id);
        // By the keyboard: what is clicked shows no focus.
        await alice.press('Shift');
        await alice.page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
        const seen = await changes(selector, () => alice.page.focus(selector));
        assert.ok(seen >= SEEN, `the focus of ${id}: ${seen} pixels`);
      }
    }

    it('home: what has the focus, a level and a box that is ticked are seen', async () => {
      await alice.callMyself('alice');
      await alice.fill('room-input', 'contrast');
      await focusIsSeen(
        'preview-microphone',
        'choose-camera',
        'speaker-test',
        'name-input',
        'create-room',
        'test-connection',
      );
      await alice.click('preview-microphone');
      await alice.hides('microphone-level');
      await alice.click('preview-microphone');
      await alice.shows('microphone-level');
      // The voice of a fake microphone is always as loud.
      const set = (level: string) =>
        alice.page.evaluate((to) => {
          const sheet = new CSSStyleSheet();
          sheet.replaceSync(`.level { --level: ${to} !important; }`);
          document.adoptedStyleSheets = [sheet];
        }, level);
      await set('10%');
      const louder = await changes(testId('microphone-level'), () => set('90%'));
      assert.ok(louder >= SEEN, `a louder voice: ${louder} pixels`);
      const ticked = await changes(testId('create-encrypted'), () => alice.click('create-encrypted'));
      assert.ok(ticked >= 20, `a box that is ticked: ${ticked} pixels`);
      await alice.click('create-encrypted');
    });

    it('a call: the focus is seen, and whether a device is on', async () => {
      await alice.createRoom('contrast');
      await bob.callMyself('bob');
      await bob.click('preview-microphone');
      await bob.joinByClick('contrast');
      await alice.shows('tile', { text: 'bob' });
      // That he has joined is told over the tiles, for a moment.
      await alice.hides('notice');
      await focusIsSeen('toggle-microphone', 'toggle-hand', 'toggle-chat', 'leave', 'toggle-people', 'tile-options');
      for (const id of ['toggle-microphone', 'toggle-camera', 'toggle-hand', 'toggle-screen', 'toggle-chat']) {
        const toggled = await changes(testId(id), () => toggle(id), 0);
        assert.ok(toggled >= SEEN, `whether ${id} is pressed: ${toggled} pixels`);
      }
      for (const id of ['toggle-chat', 'toggle-screen', 'toggle-hand', 'toggle-camera', 'toggle-microphone'])
        await toggle(id);
    });

    it('a call: who speaks is framed', async () => {
      const tile = testId('tile', '[data-local="false"]');
      const isQuiet = () => alice.shows('tile', { more: '[data-local="false"][data-speaking="false"]' });
      await isQuiet();
      const edge = async (): Promise<Shot> => {
        await settled(alice);
        return alice.page.screenshot({
          clip: await alice.page.$eval(
            tile,
            (element, width) => {
              const { x, y, height } = element.getBoundingClientRect();
              return { x, y: y + height / 3, width, height: height / 3 };
            },
            EDGE,
          ),
          encoding: 'base64',
        });
      };
      const quiet = await edge();
      await bob.click('toggle-microphone');
      await alice.shows('tile', { more: '[data-local="false"][data-speaking="true"]' });
      const framed = await changedPixels(judge, quiet, await edge());
      assert.ok(framed >= 100, `the frame of who speaks: ${framed} pixels`);
    });

    it('how good a connection is can be told from the bars', async () => {
      const bars = `${testId('tile', '[data-local="false"]')} .quality`;
      await alice.page.waitForSelector(bars);
      const unlit = await changes(bars, () =>
        alice.page.$$eval(`${bars} > span`, (all) =>
          all.slice(1).forEach((bar) => bar.setAttribute('data-lit', 'false')),
        ),
      );
      assert.ok(unlit >= 15, `two bars less: ${unlit} pixels`);
    });

    it('the code of an invitation can be scanned', async () => {
      await alice.click('invite');
      await alice.shows('qr');
      await settled(alice);
      const shot = await shotOf(alice, testId('qr'), 0);
      const { data, width, height } = await judge.evaluate(async (png) => {
        const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
        const context = new OffscreenCanvas(picture.width, picture.height).getContext('2d')!;
        context.drawImage(picture, 0, 0);
        const { width, height } = picture;
        return { data: [...context.getImageData(0, 0, width, height).data], width, height };
      }, shot);
      assert.equal(jsqr(Uint8ClampedArray.from(data), width, height)?.data, `${stage.server.http}/r/contrast`);
      await alice.click('close-invite');
    });
  });
}
