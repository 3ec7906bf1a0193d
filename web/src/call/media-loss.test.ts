import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { watchMedia } from './media-loss';

let states: RTCPeerConnectionState[];
const lost = vi.fn();
let stop: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  lost.mockClear();
  states = ['connected', 'connected'];
  stop = watchMedia(() => states, lost);
});

afterEach(() => stop());

it('says nothing while media goes on, before there is any, and when the library acts by itself', () => {
  for (const state of ['new', 'connecting', 'connected', 'failed', 'closed'] as const) {
    states = ['connected', state];
    vi.advanceTimersByTime(10_000);
  }
  expect(lost).not.toHaveBeenCalled();
});

it('says nothing of a hole that heals by itself', () => {
  for (let hole = 0; hole < 5; hole++) {
    states = ['disconnected', 'connected'];
    vi.advanceTimersByTime(1_500);
    states = ['connected', 'connected'];
    vi.advanceTimersByTime(500);
  }
  expect(lost).not.toHaveBeenCalled();
});

it('says so when one of the connections stays away, and again if that does not help', () => {
  states = ['connected', 'disconnected'];
  vi.advanceTimersByTime(3_000);
  expect(lost).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(2_000);
  expect(lost).toHaveBeenCalledTimes(2);
});

it('is silent when the call is over', () => {
  states = ['disconnected'];
  stop();
  vi.advanceTimersByTime(10_000);
  expect(lost).not.toHaveBeenCalled();
});
