// The texts of the test, fetched with it: who only goes to a call does not need them.
import { alsoSay } from '../i18n/i18n';

const FILES = import.meta.glob<Record<string, string>>('../i18n/locales/*/checkup.json', { import: 'default' });

export function sayCheckup(): Promise<void> {
  return alsoSay('checkup', async (language) => (await FILES[`../i18n/locales/${language}/checkup.json`]?.()) ?? {});
}
