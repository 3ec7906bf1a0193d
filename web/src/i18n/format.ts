// Numbers, times and lists as the language of the page writes them; where the browser's own language is of that kind, as its region does.
import { currentLanguage } from './i18n';

/** The tag to format by. Arabic with the digits that all the rest of the page has. */
function tag(wanted: readonly string[] = navigator.languages): string {
  const language = currentLanguage();
  const regional = wanted.find((each) => each.toLowerCase().split('-')[0] === language) ?? language;
  return language === 'ar' ? new Intl.Locale(regional, { numberingSystem: 'latn' }).toString() : regional;
}

export function number(value: number, options?: Intl.NumberFormatOptions): string {
  return new Intl.NumberFormat(tag(), options).format(value);
}

/** A share of 0 to 1; small ones with a digit more. */
export function percent(share: number): string {
  return number(share, { style: 'percent', maximumFractionDigits: share > 0 && share < 0.1 ? 1 : 0 });
}

/** The time of day, from milliseconds since the epoch. */
export function clock(at: number): string {
  return new Date(at).toLocaleTimeString(tag(), { hour: '2-digit', minute: '2-digit' });
}

/** The day and the time, from milliseconds since the epoch. */
export function moment(at: number): string {
  return new Intl.DateTimeFormat(tag(), { dateStyle: 'short', timeStyle: 'medium' }).format(at);
}

/** The size of a file. */
export function bytes(size: number): string {
  const unit = (name: string, unitDisplay: 'short' | 'long', digits: number) => ({
    style: 'unit' as const,
    unit: name,
    unitDisplay,
    maximumFractionDigits: digits,
  });
  if (size < 1_000) return number(size, unit('byte', 'long', 0));
  if (size < 1_000_000) return number(Math.round(size / 1_000), unit('kilobyte', 'short', 0));
  // Rounded up: a file just above the limit must not read as if it were allowed.
  return number(Math.ceil(size / 100_000) / 10, unit('megabyte', 'short', 1));
}

/** "A, B and C". */
export function list(items: readonly string[]): string {
  const language = currentLanguage();
  return new Intl.ListFormat(language === 'en' ? 'en-GB' : language, { type: 'conjunction' }).format(items);
}
