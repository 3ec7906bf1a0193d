/** What people need who have no mouse, or no screen: asked of a visitor's page. */
import assert from 'node:assert/strict';
import axe, { type AxeResults, type RunOptions } from 'axe-core';
import type { Visitor } from './visitor.ts';

const RULES = {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
} satisfies RunOptions;

/** Every rule that the page breaks now, with the elements that break it. */
export async function violations(visitor: Visitor): Promise<string[]> {
  await visitor.page.evaluate(axe.source);
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
