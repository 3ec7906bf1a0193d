import { act, renderHook } from '@testing-library/react';
import { beforeEach, expect, it, vi } from 'vitest';
import { usePortions } from './use-portions';

const people = (count: number) => Array.from({ length: count }, (_, index) => index);
const frame = () => {
  act(() => {
    vi.advanceTimersToNextFrame();
  });
};

beforeEach(() => {
  vi.useFakeTimers();
});

it('draws few at once', () => {
  const { result } = renderHook(usePortions<number>, { initialProps: people(5) });
  expect(result.current).toHaveLength(5);
});

it('draws many a portion each frame, in their order', () => {
  const { result } = renderHook(usePortions<number>, { initialProps: people(20) });
  const counts = [result.current.length];
  for (let frames = 0; frames < 4; frames++) {
    frame();
    counts.push(result.current.length);
  }
  expect(counts).toEqual([6, 12, 18, 20, 20]);
  expect(result.current).toEqual(people(20));
});

it('takes down nobody when another comes', () => {
  const { result, rerender } = renderHook(usePortions<number>, { initialProps: people(20) });
  for (let frames = 0; frames < 5; frames++) frame();
  rerender(people(21));
  expect(result.current).toHaveLength(21);
});

it('draws in portions again those who come together later', () => {
  const { result, rerender } = renderHook(usePortions<number>, { initialProps: people(2) });
  frame();
  rerender(people(30));
  expect(result.current).toHaveLength(8);
});
