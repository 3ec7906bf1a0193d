import { fireEvent, renderHook } from '@testing-library/react';
import { afterEach, expect, it, vi } from 'vitest';
import { shortcutOf, useShortcuts } from './shortcuts';

const element = (selector: string) => document.querySelector(selector) as Element;
const NONE = { ctrlKey: false, metaKey: false, altKey: false, repeat: false };

afterEach(() => void (document.body.innerHTML = ''));

it.each([
  ['m', {}, 'microphone'],
  ['V', {}, 'camera'],
  ['s', {}, 'screen'],
  ['l', {}, 'layout'],
  ['f', {}, 'full-screen'],
  ['p', {}, 'picture-in-picture'],
  ['i', {}, 'connection'],
  ['x', {}, null],
  ['d', { ctrlKey: true }, 'microphone'],
  ['e', { metaKey: true }, 'camera'],
  ['s', { ctrlKey: true }, null],
  ['m', { altKey: true }, null],
  ['m', { repeat: true }, null],
] as const)('%s with %j is %s', (key, held, shortcut) => {
  expect(shortcutOf({ ...NONE, ...held, key }, true)).toBe(shortcut);
});

it('single keys can be turned off, which leaves those with Ctrl', () => {
  expect(shortcutOf({ ...NONE, key: 'm' }, false)).toBeNull();
  expect(shortcutOf({ ...NONE, key: 'd', ctrlKey: true }, false)).toBe('microphone');
});

it('nothing is a shortcut while something is typed, or a dialog or a menu is open', () => {
  document.body.innerHTML = `<button></button><textarea></textarea><dialog><a href="x"></a></dialog>
    <div role="menu"><i></i></div>`;
  const run = vi.fn();
  const { unmount } = renderHook(() => useShortcuts(true, run));
  for (const where of ['textarea', 'a', 'i']) fireEvent.keyDown(element(where), { key: 'm' });
  expect(run).not.toHaveBeenCalled();
  fireEvent.keyDown(element('button'), { key: 'm' });
  expect(run.mock.calls).toEqual([['microphone']]);
  unmount();
  fireEvent.keyDown(element('button'), { key: 'm' });
  expect(run).toHaveBeenCalledOnce();
});
