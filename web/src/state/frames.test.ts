import { beforeEach, expect, it, vi } from 'vitest';
import { OncePerFrame } from './frames';

const run = vi.fn();
let soon: OncePerFrame;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['requestAnimationFrame', 'cancelAnimationFrame', 'setTimeout', 'clearTimeout'] });
  run.mockReset();
  soon = new OncePerFrame(run);
});

it('many calls before a frame are one', () => {
  for (let call = 0; call < 24; call++) soon.call();
  expect(run).not.toHaveBeenCalled();
  vi.advanceTimersToNextFrame();
  expect(run).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1_000);
  expect(run).toHaveBeenCalledTimes(1);
});

it('a call after a frame is another', () => {
  soon.call();
  vi.advanceTimersToNextFrame();
  soon.call();
  vi.advanceTimersToNextFrame();
  expect(run).toHaveBeenCalledTimes(2);
});

it('a call made while it runs is another', () => {
  run.mockImplementationOnce(() => soon.call());
  soon.call();
  vi.advanceTimersToNextFrame();
  vi.advanceTimersToNextFrame();
  expect(run).toHaveBeenCalledTimes(2);
});

it('it comes although the page draws no frames', () => {
  vi.spyOn(window, 'requestAnimationFrame').mockReturnValue(1);
  soon.call();
  vi.advanceTimersByTime(100);
  expect(run).toHaveBeenCalledTimes(1);
});

it('what is cancelled does not come', () => {
  soon.call();
  soon.cancel();
  vi.advanceTimersByTime(1_000);
  expect(run).not.toHaveBeenCalled();
});
