// What the page says, in the language of the person. Keys are `feature:key`; the texts are in `locales/<language>/<feature>.json`.
// Only the language in use is fetched; that each has all keys, and all of its plural forms, is a test.
import i18next from 'i18next';
import { Store, useStore } from '../state/store';
import { directionOf, KEPT_LANGUAGE, startingLanguage, type Language } from './languages';

type Texts = { default: Record<string, Record<string, string>> };

const LOADERS: Record<Language, () => Promise<Texts>> = {
  en: () => import('./locales/en'),
  de: () => import('./locales/de'),
  fr: () => import('./locales/fr'),
  es: () => import('./locales/es'),
  pl: () => import('./locales/pl'),
  ar: () => import('./locales/ar'),
};

const current = new Store<Language>('en');

/** Loaders of features that are fetched when they are first used. */
const more = new Map<string, (language: Language) => Promise<Record<string, string>>>();

/** Says something. Outside of components; what they show must follow the language: `useT`. */
export const t: typeof i18next.t = i18next.t.bind(i18next);

/** `t`, drawn anew when the language changes. */
export function useT(): typeof t {
  useStore(current);
  return t;
}

/** The language in use, outside of components. */
export function currentLanguage(): Language {
  return current.get();
}

/** Calls when the language has changed, outside of components. */
export function onLanguage(changed: () => void): () => void {
  return current.subscribe(changed);
}

/** Whether one reads from right to left. */
export function isRightToLeft(): boolean {
  return directionOf(current.get()) === 'rtl';
}

/** The language in use. */
export function useLanguage(): Language {
  return useStore(current);
}

/** Adds the texts of a feature that has a chunk of its own, here and in each language that is chosen later. */
export async function alsoSay(
  feature: string,
  load: (language: Language) => Promise<Record<string, string>>,
): Promise<void> {
  more.set(feature, load);
  i18next.addResourceBundle(current.get(), feature, await load(current.get()));
}

/** Begins in the language that was chosen here before, else in the browser's. Before anything is said. */
export async function startLanguage(storage: Storage | null, wanted: readonly string[]): Promise<void> {
  const kept = storage?.getItem(KEPT_LANGUAGE) ?? null;
  await i18next.init({
    lng: 'none',
    defaultNS: 'shell',
    keySeparator: false,
    interpolation: { escape: isolated },
    initAsync: false,
  });
  await speak(startingLanguage([kept], wanted));
}

/** Changes the language, and keeps it. What is on screen stays where it is. */
export async function chooseLanguage(language: Language, storage: Storage | null): Promise<void> {
  await speak(language);
  storage?.setItem(KEPT_LANGUAGE, language);
}

/** For texts that leave this page: their values as they are. */
export const AS_IS = { interpolation: { escapeValue: false } };

/** React escapes. But names are of any script: in a sentence from right to left, each keeps its own direction. */
function isolated(value: string): string {
  return i18next.dir() === 'rtl' ? `\u2068${value}\u2069` : value;
}

async function speak(language: Language): Promise<void> {
  for (const [path, texts] of Object.entries((await LOADERS[language]()).default)) {
    i18next.addResourceBundle(language, featureOf(path), texts);
  }
  await Promise.all(
    [...more].map(async ([feature, load]) => i18next.addResourceBundle(language, feature, await load(language))),
  );
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
  document.documentElement.dir = directionOf(language);
  current.set(language);
}

/** `./de/chat.json` holds the texts of `chat`. */
function featureOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1, -'.json'.length);
}
