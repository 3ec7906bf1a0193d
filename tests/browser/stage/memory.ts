/** What a page holds once its garbage is collected, and whether that grows. */
import type { CDPSession } from 'puppeteer-core';

export interface Held {
  /** Script objects, bytes. */
  heap: number;
  /** Nodes of documents, those that are no longer on the page included. */
  nodes: number;
  /** Event listeners of nodes. */
  listeners: number;
}

export async function heldBy(cdp: CDPSession): Promise<Held> {
  // The second time finds what the first has let go.
  for (let time = 0; time < 2; time++) await cdp.send('HeapProfiler.collectGarbage');
  const [{ usedSize: heap }, { nodes, jsEventListeners: listeners }] = await Promise.all([
    cdp.send('Runtime.getHeapUsage'),
    cdp.send('Memory.getDOMCounters'),
  ]);
  return { heap, nodes, listeners };
}

/** How much more a figure becomes from one moment to the next: the slope of the straight line that fits best. */
export function growthOf(values: readonly number[]): number {
  const mean = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  const times = values.map((_, index) => index);
  const [middle, level] = [mean(times), mean(values)];
  const [covariance, variance] = [
    mean(values.map((value, index) => (index - middle) * (value - level))),
    mean(times.map((time) => (time - middle) ** 2)),
  ];
  return covariance / variance;
}
