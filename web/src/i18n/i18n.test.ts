import { expect, it } from 'vitest';
import { AS_IS, chooseLanguage, t } from './i18n';
import { LANGUAGES, languageFor, type Language } from './languages';

const files = import.meta.glob<Record<string, string>>('./locales/*/*.json', { eager: true, import: 'default' });
const textsOf = (language: string, feature: string) => files[`./locales/${language}/${feature}.json`];
const features = Object.keys(files)
  .filter((path) => path.includes('/en/'))
  .map((path) => path.slice('./locales/en/'.length, -'.json'.length));
const others = (Object.keys(LANGUAGES) as Language[]).filter((language) => language !== 'en');

const PLURAL = /_(zero|one|two|few|many|other)$/;

/** The keys that a language must have where English has these: for a count, all forms that its grammar tells apart. */
function keysIn(language: string, english: Record<string, string>): string[] {
  const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
  const keys = new Set<string>();
  for (const key of Object.keys(english)) {
    if (PLURAL.test(key)) for (const form of forms) keys.add(key.replace(PLURAL, `_${form}`));
    else keys.add(key);
  }
  return [...keys].sort();
}

const placeholders = (text: string) => [...text.matchAll(/{{(\w+)[^}]*}}/g)].map(([, name]) => name ?? '');

it.each(others.flatMap((language) => features.map((feature) => [language, feature] as const)))(
  '%s says all of %s, in all of its plural forms, with the same values',
  (language, feature) => {
    const english = textsOf('en', feature) ?? {};
    const texts = textsOf(language, feature) ?? {};
    expect(Object.keys(texts).sort()).toEqual(keysIn(language, english));
    for (const [key, text] of Object.entries(texts)) {
      const model = english[key] ?? english[key.replace(PLURAL, '_other')] ?? '';
      // A form for one or two may say the number in words.
      const wanted = placeholders(model).filter((name) => name !== 'count');
      expect([...new Set(placeholders(text).filter((name) => name !== 'count'))].sort(), key).toEqual(
        [...new Set(wanted)].sort(),
      );
      expect(text.trim(), key).not.toBe('');
    }
  },
);

it.each([
  [['de-AT', 'en'], 'de'],
  [['ja', 'fr-CA'], 'fr'],
  [['ja'], 'en'],
  [['AR'], 'ar'],
  [[], 'en'],
] as const)('who wants %j gets %s', (wanted, language) => {
  expect(languageFor(wanted)).toBe(language);
});

it('a name in a sentence from right to left keeps its own direction, but not in what leaves the page', async () => {
  expect(t('call:joinedBy', { name: 'Bob' })).toBe('Bob has joined.');
  await chooseLanguage('ar', null);
  expect([document.documentElement.lang, document.documentElement.dir]).toEqual(['ar', 'rtl']);
  expect(t('call:joinedBy', { name: 'Bob' })).toContain('\u2068Bob\u2069');
  expect(t('shell:guest', { number: 1, ...AS_IS })).toBe('ضيف 1');
  await chooseLanguage('en', null);
  expect(document.documentElement.dir).toBe('ltr');
});
