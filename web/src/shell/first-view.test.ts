import { afterEach, beforeEach, expect, it } from 'vitest';
import { KEPT_LANGUAGE } from '../i18n/languages';
import { startFirstView, type Parts } from './first-view';

const languages = Object.fromEntries(['en', 'de', 'fr', 'es', 'pl', 'ar'].map((code) => [code, `assets/${code}.js`]));
const parts = { languages, call: ['assets/call.js'] } as unknown as Parts;

const asked = () => [...document.head.querySelectorAll('link')].map((link) => link.getAttribute('href'));
const root = () => document.getElementById('root');
/** The rest of the document comes. */
const read = async () => {
  document.body.innerHTML = '<div id="root"></div>';
  await Promise.resolve();
};

beforeEach(() => {
  document.head.innerHTML = '<base href="/video/">';
  document.body.innerHTML = '';
  localStorage.clear();
  history.replaceState(null, '', '/video/r/den');
});

afterEach(() => {
  document.head.innerHTML = '';
  history.replaceState(null, '', '/');
});

it('shows the room that the address names, as soon as there is a place', async () => {
  startFirstView(parts);
  await read();
  expect(root()?.textContent).toContain('Joining den…');
});

it.each(['/video/', '/video/test', '/video/r/den?embed=1', '/video/r/den?join=0', '/elsewhere/r/den'])(
  'shows nothing at %s',
  async (address) => {
    history.replaceState(null, '', address);
    startFirstView(parts);
    await read();
    expect(root()?.childElementCount).toBe(0);
  },
);

it.each([
  ['/video/', null, 'assets/en.js'],
  ['/video/', 'pl', 'assets/pl.js'],
  ['/video/', 'xx', 'assets/en.js'],
  ['/video/r/den?lang=fr', 'pl', 'assets/fr.js'],
])('at %s, with %s kept, asks for %s alone', (address, kept, chunk) => {
  if (kept !== null) localStorage.setItem(KEPT_LANGUAGE, kept);
  history.replaceState(null, '', address);
  startFirstView(parts);
  expect(asked()).toEqual([chunk]);
});
