import { beforeEach, expect, it, vi } from 'vitest';
import type { Sample } from './figures';
import { ConnectionMonitor } from './monitor';

const EMPTY: Sample = { publisher: [], subscriber: [], sent: [], received: [] };
const sample = vi.fn<() => Promise<Sample | null>>();
let monitor: ConnectionMonitor;

beforeEach(() => {
  vi.useFakeTimers();
  sample.mockReset().mockResolvedValue(EMPTY);
  monitor = new ConnectionMonitor(sample);
});

it('looks each second while somebody watches, and not once after', async () => {
  const stop = monitor.watch();
  await vi.advanceTimersByTimeAsync(2_000);
  expect(sample).toHaveBeenCalledTimes(3);
  expect(monitor.figures.get()).not.toBeNull();
  stop();
  expect(monitor.figures.get()).toBeNull();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(sample).toHaveBeenCalledTimes(3);
});

it('tells no rates before there are two looks', async () => {
  monitor.watch();
  await vi.advanceTimersByTimeAsync(400);
  expect(monitor.figures.get()).toBeNull();
  await vi.advanceTimersByTimeAsync(200);
  expect(monitor.figures.get()).not.toBeNull();
});

it('goes on when a look fails, with nothing to tell', async () => {
  monitor.watch();
  await vi.advanceTimersByTimeAsync(100);
  sample.mockRejectedValueOnce(new Error('closed'));
  await vi.advanceTimersByTimeAsync(500);
  expect(monitor.figures.get()).toBeNull();
  await vi.advanceTimersByTimeAsync(2_000);
  expect(monitor.figures.get()).not.toBeNull();
});

it('a watcher who comes while another look is under way does not double the looks', async () => {
  monitor.watch()();
  monitor.watch();
  await vi.advanceTimersByTimeAsync(1_500);
  expect(sample.mock.calls.length).toBeLessThanOrEqual(3);
});
