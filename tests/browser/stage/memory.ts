/** What a page holds once its garbage is collected, and whether that grows. */
import type { CDPSession } from 'puppeteer-core';

export interface Held {
  /** Script objects, functions and lists among them. */
  objects: number;
  /** The script's memory, bytes: compiled code and what the browser notes of long tasks, too, which grow for a while. */
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
  return { objects: await countObjects(cdp), heap, nodes, listeners };
}

async function countObjects(cdp: CDPSession): Promise<number> {
  const objectGroup = 'counted';
  const { result: prototype } = await cdp.send('Runtime.evaluate', { expression: 'Object.prototype', objectGroup });
  const { objects } = await cdp.send('Runtime.queryObjects', {
    prototypeObjectId: prototype.objectId ?? '',
    objectGroup,
  });
  const { result } = await cdp.send('Runtime.callFunctionOn', {
    objectId: objects.objectId,
    functionDeclaration: 'function () { return this.length; }',
    returnByValue: true,
  });
  await cdp.send('Runtime.releaseObjectGroup', { objectGroup });
  return Number(result.value);
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
