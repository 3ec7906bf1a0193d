// Sentences by key and values, in the language of the page.
import { useT, type t as Translate } from '../i18n/i18n';
import type { Said } from './steps';

export function sayWith(t: typeof Translate): (said: Said) => string {
  return ({ key, values }) => t(`checkup:${key}`, values ?? {});
}

/** As `useT`: drawn anew when the language changes. */
export function useSay(): (said: Said) => string {
  return sayWith(useT());
}
