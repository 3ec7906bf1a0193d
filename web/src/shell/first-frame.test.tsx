import { render } from '@testing-library/react';
import { afterEach, expect, it } from 'vitest';
import { chooseLanguage } from '../i18n/i18n';
import { LANGUAGES, type Language } from '../i18n/languages';
import { logo } from '../theme/look';
import { firstFrame } from './first-frame';
import { JoiningPage } from './JoiningPage';
import { ServicesContext, type Services } from './services';

const NAME = '<den> & "café"';

afterEach(async () => {
  logo.set(null);
  await chooseLanguage('en', null);
});

/** Both as a browser reads them, without what only scripts and tests need. */
function read(html: string): string {
  const page = document.createElement('div');
  page.innerHTML = html;
  for (const element of page.querySelectorAll('*')) {
    // In the same order.
    for (const name of element.getAttributeNames().sort()) {
      const value = element.getAttribute(name) ?? '';
      element.removeAttribute(name);
      if (!name.startsWith('data-')) element.setAttribute(name, value);
    }
  }
  for (const back of page.querySelectorAll('footer .button')) {
    back.replaceWith(Object.assign(document.createElement('button'), { textContent: back.textContent }));
  }
  return page.innerHTML;
}

function joiningPage(): string {
  const services = { call: { leave: () => undefined } } as unknown as Services;
  const { container } = render(
    <ServicesContext value={services}>
      <JoiningPage room={NAME} />
    </ServicesContext>,
  );
  return container.innerHTML;
}

it.each(Object.keys(LANGUAGES) as Language[])('is the page that takes its place, in %s', async (language) => {
  await chooseLanguage(language, null);
  expect(read(firstFrame(NAME, language, { name: 'Visavis', logo: null }))).toBe(read(joiningPage()));
});

it('has the logo of the installation', () => {
  logo.set('./theme/logo?a="b"');
  expect(read(firstFrame(NAME, 'en', { name: 'Visavis', logo: './theme/logo?a="b"' }))).toBe(read(joiningPage()));
});

it('leads home before any script is there', () => {
  document.body.innerHTML = firstFrame(NAME, 'en', { name: 'Visavis', logo: null });
  expect(document.querySelector('a')?.getAttribute('href')).toBe('./');
});
