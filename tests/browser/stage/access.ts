/** What people need who have no mouse, or no screen: asked of a visitor's page. */
import assert from 'node:assert/strict';
import axe, { type AxeResults, type RunOptions } from 'axe-core';
import type { Visitor } from './visitor.ts';

const RULES = {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
} satisfies RunOptions;

/** Every rule that the page breaks now, with the elements that break it. */
export async function violations(visitor: Visitor): Promise<string[]> {
  if (!(await visitor.page.evaluate(() => 'axe' in globalThis))) await visitor.page.evaluate(axe.source);
  const found = await visitor.page.evaluate(
    (rules) => (globalThis as unknown as { axe: { run(o: unknown): Promise<AxeResults> } }).axe.run(rules),
    RULES as RunOptions,
  );
  return found.violations.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}: ${nodes.map((node) => `${node.html} (${node.failureSummary})`).join(' | ')}`,
  );
}

/** Presses Tab until the element has the focus. */
export async function tabTo(visitor: Visitor, selector: string): Promise<void> {
  for (let presses = 0; presses < 40; presses++) {
    if (await visitor.page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
    await visitor.press('Tab');
  }
  assert.fail(`40 times Tab do not reach ${selector}. ${await visitor.report()}`);
}

const HEADINGS = 'h1, h2, section, footer, main, dialog';

/** What is wrong with the focus now: nothing, or what a person with a keyboard would miss. */
export function focusProblem(headings: string): string | null {
  const focused = document.activeElement as HTMLElement | null;
  if (!focused || focused === document.body) return 'nothing has the focus';
  const who = focused.outerHTML.slice(0, 120);
  const labelled = (focused.getAttribute('aria-labelledby') ?? '')
    .split(' ')
    .map((id) => document.getElementById(id)?.textContent ?? '')
    .join('');
  const labels = [...((focused as HTMLInputElement).labels ?? [])].map((label) => label.textContent).join('');
  const own = focused.getAttribute('aria-label') ?? (focused.textContent || focused.title);
  if (!`${labelled}${labels}${own}`.trim()) return `no name: ${who}`;
  if (!focused.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return `not visible: ${who}`;
  // What is only the beginning of a view is read, and has no frame.
  if (!focused.matches(headings)) {
    const { boxShadow, outlineStyle, outlineColor, outlineWidth } = getComputedStyle(focused);
    const isOutlined = outlineStyle !== 'none' && outlineWidth !== '0px' && !/, 0\)$|transparent/.test(outlineColor);
    if (boxShadow === 'none' && !isOutlined) return `no indicator: ${who}`;
  }
  const { left, right, top, bottom } = focused.getBoundingClientRect();
  const [across, down] = [(right - left) / 4, (bottom - top) / 4];
  const points = [
    [left + 2 * across, top + 2 * down],
    [left + across, top + down],
    [right - across, bottom - down],
  ] as const;
  const isSeen = points.some(([x, y]) => {
    const at = document.elementFromPoint(x, y);
    return at !== null && (focused.contains(at) || at.contains(focused));
  });
  return isSeen ? null : `hidden behind something: ${who}`;
}

/** That what has the focus can be seen, has a name, and shows that it has it (WCAG 2.4.7, 2.4.11). */
export async function focusIsGood(visitor: Visitor, where: string): Promise<void> {
  // A moment: it may be on its way in, or the page about to give it on.
  const deadline = Date.now() + 5_000;
  for (;;) {
    const problem = await visitor.page.evaluate(focusProblem, HEADINGS);
    if (problem === null) return;
    if (Date.now() > deadline) assert.fail(`${where}: ${problem}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** By Tab, or Shift+Tab if it is before, to an element; every stop on the way is looked at. */
export async function walkTo(visitor: Visitor, selector: string): Promise<void> {
  await visitor.until((wanted) => document.querySelector(wanted), [selector], selector);
  for (let presses = 0; presses < 60; presses++) {
    const way = await visitor.page.evaluate((wanted) => {
      const now = document.activeElement!;
      if (now.matches(wanted)) return 'there';
      const targets = [...document.querySelectorAll(wanted)];
      const isBefore = targets.every(
        (target) => now.compareDocumentPosition(target) & Node.DOCUMENT_POSITION_PRECEDING,
      );
      return isBefore ? 'back' : 'on';
    }, selector);
    if (way === 'there') return;
    if (way === 'back') await visitor.page.keyboard.down('Shift');
    await visitor.press('Tab');
    if (way === 'back') await visitor.page.keyboard.up('Shift');
    await focusIsGood(visitor, `on the way to ${selector}`);
  }
  assert.fail(`60 times Tab do not reach ${selector}. ${await visitor.report()}`);
}

/** Waits until nothing moves that comes to an end, and the page is drawn in the size and the colours it has now. */
export async function settled(visitor: Visitor): Promise<void> {
  await visitor.view.evaluate(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    for (let drawn = 0; drawn < 3; drawn++) await frame();
    const ending = document
      .getAnimations()
      .filter((animation) => animation.effect?.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(ending.map(({ finished }) => finished));
    await frame();
  });
}

export type Text = 'large' | 'spaced';

/** Text twice as large (WCAG 1.4.4), or with the spaces that some need to read (1.4.12); null: as it is. */
export async function setText(visitor: Visitor, text: Text | null): Promise<void> {
  await visitor.view.evaluate((wanted) => {
    const sheet = document.getElementById('text-of-the-person') ?? document.createElement('style');
    sheet.id = 'text-of-the-person';
    sheet.textContent =
      wanted === 'large'
        ? ':root { font-size: 200% !important; }'
        : wanted === 'spaced'
          ? `* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }
             p { margin-bottom: 2em !important; }`
          : '';
    document.head.append(sheet);
  }, text);
}

/** Text of which a part cannot be read, and buttons that cannot be reached. What ends in an ellipsis has all of it in its title. */
export async function cutOff(visitor: Visitor): Promise<string[]> {
  return visitor.view.evaluate(() => {
    const found: string[] = [];
    const say = (what: string, element: Element) => found.push(`${what}: ${element.outerHTML.slice(0, 140)}`);
    const room = document.querySelector('.room');
    for (const element of document.body.querySelectorAll<HTMLElement>('*')) {
      if (
        !element.checkVisibility({ visibilityProperty: true }) ||
        element.closest('.for-screen-readers, svg, [inert]')
      )
        continue;
      const style = getComputedStyle(element);
      if (style.clipPath !== 'none' || style.position === 'absolute') continue;
      const hasText = [...element.childNodes].some(
        (node) => node.nodeType === Node.TEXT_NODE && node.nodeValue?.trim(),
      );
      const isEllipsis = style.textOverflow === 'ellipsis' && element.closest('[title], select, input') !== null;
      // A quote of which all is in the message that it quotes.
      if (style.webkitLineClamp !== 'none') continue;
      if (hasText && style.overflowX !== 'visible' && !isEllipsis) {
        if (/hidden|clip/.test(style.overflowX) && element.scrollWidth > element.clientWidth + 1) say('cut', element);
        if (/hidden|clip/.test(style.overflowY) && element.scrollHeight > element.clientHeight + 1)
          say('cut below', element);
      }
      // What scrolls by itself within the page hides its end from who does not know.
      if (element.matches('.admin-scroll') && element.scrollWidth > element.clientWidth)
        say('scrolls sideways', element);
      // A room does not scroll: its bars must be in the window with all they have.
      if (room && element.matches('.room-header button, .room-footer button')) {
        const { left, right, top, bottom } = element.getBoundingClientRect();
        if (left < -1 || top < -1 || right > innerWidth + 1 || bottom > innerHeight + 1) say('outside', element);
      }
    }
    // A button that fell out of the row looks like a mistake, and takes the height of a face.
    const buttons = [...document.querySelectorAll<HTMLElement>('.controls button:not(.device-menu)')].filter(
      (button) => button.checkVisibility() && !button.closest('[popover]'),
    );
    const middles = buttons.map((button) => button.getBoundingClientRect()).map(({ top, bottom }) => top + bottom);
    const widths = buttons.filter((button) => !button.matches('.leave')).map((button) => button.offsetWidth);
    if (innerWidth <= 560 && Math.max(...widths) - Math.min(...widths) > 6)
      say('not as large as the others', buttons[0]!);
    if (innerWidth <= 560 && Math.max(...middles) - Math.min(...middles) > 4) say('in two rows', buttons[0]!);
    return found;
  });
}

/** What makes the page wider than its window. */
export async function scrollsSideways(visitor: Visitor): Promise<string[]> {
  return visitor.view.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    return [...document.body.querySelectorAll<HTMLElement>('*')]
      .filter((element) => element.getBoundingClientRect().right > clientWidth + 1)
      .map((element) => element.outerHTML.slice(0, 120));
  });
}
