// Figures as people read them, in the language of the page.
import { number, percent } from '../i18n/format';

/** 1.24 Mbit/s; bit/s in, with the unit that keeps it short; a dash where nothing is known. */
export function bitrate(bits: number | null): string {
  if (bits === null) return '–';
  if (bits >= 1e9) return `${number(bits / 1e9, { maximumFractionDigits: 2 })} Gbit/s`;
  if (bits >= 1e6) return `${number(bits / 1e6, { maximumFractionDigits: 2 })} Mbit/s`;
  return `${number(bits / 1e3, { maximumFractionDigits: 0 })} kbit/s`;
}

/** 1.2 GB. */
export function bytes(count: number | null | undefined): string {
  if (count === null || count === undefined) return '–';
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [value, unit] = [count, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${number(value, { maximumFractionDigits: value < 10 && unit > 0 ? 1 : 0 })} ${units[unit] ?? ''}`;
}

/** 2.5 %; a dash where nothing is known. */
export function share(value: number | null): string {
  return value === null ? '–' : percent(value);
}

/** 24 ms. */
export function milliseconds(seconds: number | null): string {
  return seconds === null ? '–' : `${number(seconds * 1000, { maximumFractionDigits: 0 })} ms`;
}

export function count(value: number): string {
  return number(value, { maximumFractionDigits: 0 });
}

/** 1:02:03, or 2:03. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
