// The languages of the page, and which one it begins in.

/** By its own name, as its speakers look for it. */
export const LANGUAGES = {
  en: 'English',
  de: 'Deutsch',
  fr: 'Français',
  es: 'Español',
  pl: 'Polski',
  ar: 'العربية',
} as const;

export type Language = keyof typeof LANGUAGES;

const RIGHT_TO_LEFT: readonly Language[] = ['ar'];

/** Where the browser keeps which one was chosen. */
export const KEPT_LANGUAGE = 'visavis.language';

/** The first that somebody has chosen, else by what the browser wants. */
export function startingLanguage(chosen: readonly (string | null)[], wanted: readonly string[]): Language {
  return chosen.find(isLanguage) ?? languageFor(wanted);
}

/** The first of the wanted languages (BCP 47, best first) that there is, whatever its region; else English. */
export function languageFor(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const [base = ''] = tag.toLowerCase().split('-');
    if (isLanguage(base)) return base;
  }
  return 'en';
}

export function isLanguage(code: string | null): code is Language {
  return code !== null && Object.hasOwn(LANGUAGES, code);
}

export function directionOf(language: Language): 'ltr' | 'rtl' {
  return RIGHT_TO_LEFT.includes(language) ? 'rtl' : 'ltr';
}
