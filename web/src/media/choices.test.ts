import { beforeEach, expect, it } from 'vitest';
import { loadChoices, resolveChoice, saveChoices } from './choices';

const CHOICE = { deviceId: 'one', label: 'Desk camera' };

it('is by id, then by label, because ids change', () => {
  const other = { deviceId: 'two', label: 'Other' };
  expect(resolveChoice(CHOICE, [other, CHOICE])).toBe('one');
  expect(resolveChoice(CHOICE, [other, { deviceId: 'three', label: 'Desk camera' }])).toBe('three');
  expect(resolveChoice(CHOICE, [other])).toBeUndefined();
  expect(resolveChoice(undefined, [other])).toBeUndefined();
});

it('is trusted while the browser hides the ids', () => {
  expect(resolveChoice(CHOICE, [{ deviceId: '', label: '' }])).toBe('one');
  expect(resolveChoice(CHOICE, [])).toBe('one');
});

it('an empty label is like no other', () => {
  expect(resolveChoice({ deviceId: 'one', label: '' }, [{ deviceId: 'two', label: '' }])).toBeUndefined();
});

beforeEach(() => localStorage.clear());

it('is kept', () => {
  saveChoices(localStorage, { camera: CHOICE });
  expect(loadChoices(localStorage)).toEqual({ camera: CHOICE });
});

it.each(['', 'no JSON', 'null', '[1]', '{"camera": 3}', '{"camera": {"deviceId": 1, "label": "x"}}'])(
  'of %j in the storage nothing is chosen',
  (text) => {
    localStorage.setItem('visavis.devices', text);
    expect(loadChoices(localStorage)).toEqual({});
    expect(loadChoices(null)).toEqual({});
  },
);
