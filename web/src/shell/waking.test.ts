import { beforeEach, expect, it, vi } from 'vitest';
import { Waking, type Wake } from './waking';

let now: number;
let told: Wake[];
let isHidden: boolean;

beforeEach(() => {
  vi.useFakeTimers();
  now = 0;
  // Those of earlier tests still listen, each to its own.
  const mine: Wake[] = (told = []);
  isHidden = false;
  vi.spyOn(document, 'hidden', 'get').mockImplementation(() => isHidden);
  new Waking(window, () => now).listen((wake) => mine.push(wake));
});

/** Lets timers and the clock of the day go on as on a machine that is awake. */
const awake = (ms: number) => {
  for (let gone = 0; gone < ms; gone += 1_000) {
    now += 1_000;
    vi.advanceTimersByTime(1_000);
  }
};

it('a page that runs is not woken', () => {
  awake(120_000);
  expect(told).toEqual([]);
});

it('a lid that was closed is told with the next tick, once', () => {
  awake(10_000);
  now += 3_600_000;
  awake(10_000);
  expect(told).toEqual(['slept']);
});

it('one that is looked at after a sleep does not wait for a tick', () => {
  awake(10_000);
  now += 3_600_000;
  document.dispatchEvent(new Event('visibilitychange'));
  expect(told).toEqual(['slept']);
  awake(10_000);
  expect(told).toEqual(['slept']);
});

it('throttled timers are no sleep, and being shown is being shown', () => {
  isHidden = true;
  document.dispatchEvent(new Event('visibilitychange'));
  now += 9_000;
  vi.advanceTimersByTime(2_000);
  isHidden = false;
  document.dispatchEvent(new Event('visibilitychange'));
  expect(told).toEqual(['shown']);
});

it('a frozen page that resumes slept, and a network that is back is told', () => {
  document.dispatchEvent(new Event('resume'));
  window.dispatchEvent(new Event('online'));
  expect(told).toEqual(['slept', 'online']);
});
