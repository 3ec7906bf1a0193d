import { expect, it } from 'vitest';
import { maskPerson, readPixels } from './mask';

it('the model reads red, green and blue from 0 to 1, and no alpha', () => {
  const into = new Float32Array(6);
  readPixels(new Uint8ClampedArray([255, 0, 51, 9, 0, 102, 255, 255]), into);
  expect([...into].map((value) => Math.round(value * 10) / 10)).toEqual([1, 0, 0.2, 0, 0.4, 1]);
});

const alphaAfter = (confidences: number[]): number | undefined => {
  const before = new Float32Array(1);
  const rgba = new Uint8ClampedArray(4);
  for (const confidence of confidences) maskPerson(new Float32Array([confidence]), before, rgba);
  return rgba[3];
};

it.each([0, 0.2, 0.35])('where a person is seen with confidence %d, nothing of the frame shows', (confidence) => {
  expect(alphaAfter([confidence, confidence, confidence])).toBe(0);
});

it('a person who stays is seen whole within a few frames', () => {
  expect(alphaAfter(Array<number>(8).fill(0.9))).toBeGreaterThanOrEqual(254);
});

it('one wrong frame does not uncover the background in full, and is forgotten', () => {
  expect(alphaAfter([0, 0, 1])).toBeLessThan(160);
  expect(alphaAfter([0, 0, 1, ...Array<number>(8).fill(0)])).toBeLessThanOrEqual(1);
});
