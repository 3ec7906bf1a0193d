import { expect, it } from 'vitest';
import { chooseLanguage } from '../i18n/i18n';
import { Store } from '../state/store';
import { Title } from './title';

function page(home: string | null = null) {
  const view = new Store<{ room: string | null }>({ room: null });
  const isWaiting = new Store(false);
  const title = new Title();
  const document = { title: '' };
  title.follow({ view, isWaiting }, document, home);
  return { view, isWaiting, title, document };
}

it('tells where one is, and how much there is to read', async () => {
  const { view, isWaiting, title, document } = page();
  expect(document.title).toBe('Visavis');
  isWaiting.set(true);
  view.set({ room: 'alpha' });
  expect(document.title).toBe('Waiting to be let in · alpha · Visavis');
  await chooseLanguage('de', null);
  expect(document.title).toBe('Warten auf Einlass · alpha · Visavis');
  await chooseLanguage('en', null);
  isWaiting.set(false);
  expect(document.title).toBe('alpha · Visavis');
  title.unread.set(3);
  expect(document.title).toBe('(3) alpha · Visavis');
  title.unread.set(0);
  view.set({ room: null });
  expect(document.title).toBe('Visavis');
});

it('where there is no home, tells that one has left', () => {
  const { view, document } = page('alpha');
  expect(document.title).toBe('alpha · Visavis');
  view.set({ room: 'alpha' });
  view.set({ room: null });
  expect(document.title).toBe('You have left · Visavis');
});
