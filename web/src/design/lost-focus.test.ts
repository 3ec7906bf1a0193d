import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { keepFocus } from './lost-focus';

let stop: () => void;
const focused = () => document.activeElement?.id ?? '';
const element = (id: string) => document.getElementById(id) as HTMLElement;
const later = () => new Promise((resolve) => setTimeout(resolve, 150));

beforeEach(() => {
  document.body.innerHTML = `
    <h1 id="title" tabindex="-1"></h1>
    <ul id="list"><li id="row"><button id="a"></button></li><li><button id="b"></button></li></ul>
    <p id="alone"><button id="c"></button></p>`;
  stop = keepFocus(document);
});
afterEach(() => stop());

it('goes on beside what was taken away', async () => {
  element('a').focus();
  element('row').remove();
  await vi.waitFor(() => expect(focused()).toBe('b'));
});

it('goes to the heading where nothing is left beside it', async () => {
  element('c').focus();
  element('alone').remove();
  await vi.waitFor(() => expect(focused()).toBe('title'));
});

it('stays where somebody has put it meanwhile, or has let it go', async () => {
  element('a').focus();
  element('row').remove();
  element('c').focus();
  await later();
  expect(focused()).toBe('c');
  element('c').blur();
  await later();
  element('alone').remove();
  await later();
  expect(document.activeElement).toBe(document.body);
});
