import { afterEach, describe, expect, it } from 'vitest';
import { bytes, clock, list, number, percent } from './format';
import { chooseLanguage } from './i18n';

afterEach(() => chooseLanguage('en', null));

describe('in English', () => {
  it.each([
    [0, '0%'],
    [0.004, '0.4%'],
    [0.126, '13%'],
  ])('a share of %d is %s', (share, text) => {
    expect(percent(share)).toBe(text);
  });

  it.each([
    [999, '999 bytes'],
    [1_500, '2 kB'],
    [2_340_000, '2.4 MB'],
  ])('a file of %i bytes has %s', (size, text) => {
    expect(bytes(size)).toBe(text);
  });

  it.each([
    [['A'], 'A'],
    [['A', 'B'], 'A and B'],
    [['A', 'B', 'C'], 'A, B and C'],
  ])('%j are listed as %s', (items, text) => {
    expect(list(items)).toBe(text);
  });
});

it('each language has its own marks and words', async () => {
  await chooseLanguage('de', null);
  expect([number(1234.5), list(['A', 'B', 'C'])]).toEqual(['1.234,5', 'A, B und C']);
  await chooseLanguage('fr', null);
  expect(bytes(25_000_000)).toMatch(/^25\sMo$/);
});

it('Arabic has the digits of the rest of the page', async () => {
  await chooseLanguage('ar', null);
  expect(number(42)).toBe('42');
  expect(clock(Date.UTC(2026, 0, 1, 12, 34))).toMatch(/\d:34/);
});
