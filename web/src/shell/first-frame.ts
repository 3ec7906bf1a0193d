// `JoiningPage` as the document itself draws it: the same words at the same places, so that nothing moves when that takes its place. Only
// the way back is a link here, which works before any script does.
import * as ar from '../i18n/locales/ar/shell.json';
import * as de from '../i18n/locales/de/shell.json';
import * as en from '../i18n/locales/en/shell.json';
import * as es from '../i18n/locales/es/shell.json';
import * as fr from '../i18n/locales/fr/shell.json';
import * as pl from '../i18n/locales/pl/shell.json';
import { directionOf, type Language } from '../i18n/languages';

/** Each by its name: the others of these files are not part of the document. */
const TEXTS: Record<Language, { joining: string; hint: string; cancel: string }> = {
  en: { joining: en.joining, hint: en.joiningHint, cancel: en.cancel },
  de: { joining: de.joining, hint: de.joiningHint, cancel: de.cancel },
  fr: { joining: fr.joining, hint: fr.joiningHint, cancel: fr.cancel },
  es: { joining: es.joining, hint: es.joiningHint, cancel: es.cancel },
  pl: { joining: pl.joining, hint: pl.joiningHint, cancel: pl.cancel },
  ar: { joining: ar.joining, hint: ar.joiningHint, cancel: ar.cancel },
};

/** What the installation has in the place of our name and logo. */
export interface Installation {
  name: string;
  logo: string | null;
}

export function firstFrame(room: string, language: Language, installation: Installation): string {
  const { joining, hint, cancel } = TEXTS[language];
  const named = directionOf(language) === 'rtl' ? `\u2068${room}\u2069` : room;
  return [
    '<div class="joining" data-testid="first-frame">',
    `<header class="joining-header">${logoOf(installation)}`,
    `<p class="name" dir="auto" title="${escape(room)}">${escape(room)}</p></header>`,
    '<main class="joining-main"><div class="joining-words"><h1 class="joining-what" tabindex="-1">',
    `<span class="spinner" aria-hidden="true"></span> ${escape(joining.replace('{{room}}', () => named))}`,
    `</h1><p>${escape(hint)}</p></div></main>`,
    `<footer class="joining-footer"><a class="button" href="./">${escape(cancel)}</a></footer></div>`,
  ].join('');
}

function logoOf({ name, logo }: Installation): string {
  const own = [
    '<svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="9" fill="var(--accent)"></rect>',
    '<path d="M8 8c6 3 6 13 0 16M24 8c-6 3-6 13 0 16" fill="none" stroke="var(--on-accent)" stroke-width="3.4" ',
    `stroke-linecap="round"></path></svg><span class="logo-name logo-name-small">${escape(name)}</span>`,
  ].join('');
  const theirs = (address: string) =>
    `<img class="logo-picture" src="${escape(address)}" alt="${escape(name)}" referrerpolicy="no-referrer">`;
  return `<span class="logo">${logo === null ? own : theirs(logo)}</span>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
