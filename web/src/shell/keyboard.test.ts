import { beforeEach, expect, it } from 'vitest';
import { followKeyboard } from './keyboard';

let view: EventTarget & { height: number; offsetTop: number; scale: number };
const covered = () => document.documentElement.style.getPropertyValue('--keyboard');
const becomes = (parts: Partial<{ height: number; offsetTop: number; scale: number }>) => {
  Object.assign(view, parts);
  view.dispatchEvent(new Event('resize'));
  return covered();
};

beforeEach(() => {
  view = Object.assign(new EventTarget(), { height: 800, offsetTop: 0, scale: 1 });
  followKeyboard({ visualViewport: view, innerHeight: 800, document } as unknown as Window);
});

it('a keyboard that lies over the page is told by its height', () => {
  expect(becomes({ height: 460 })).toBe('340px');
  expect(becomes({ height: 460, offsetTop: 100 })).toBe('240px');
  expect(becomes({ height: 800, offsetTop: 0 })).toBe('0px');
});

it('neither bars of the browser nor two fingers are a keyboard', () => {
  expect(becomes({ height: 740 })).toBe('0px');
  expect(becomes({ height: 400, scale: 2 })).toBe('0px');
});

it('a browser that does not tell is left alone', () => {
  expect(() => followKeyboard({ visualViewport: null } as unknown as Window)).not.toThrow();
});
