// What the document itself runs, before any script has come: asks for the language's texts beside the scripts, which else would ask for them
// late, and shows at once which room one is going to. `web/first-view.ts` builds it into index.html. It may be missing, where somebody
// forbids scripts in documents: all it does is done again.
import { directionOf, KEPT_LANGUAGE, startingLanguage, type Language } from '../i18n/languages';
import { storageOf } from '../state/storage';
import { installationLogo, installationName } from '../theme/installation';
import { basePath, roomOfPath } from './address';
import { firstFrame } from './first-frame';
import { whenPainted } from './idle';

/** Addresses of scripts and style sheets, relative to the base. */
export interface Parts {
  languages: Record<Language, string>;
  /** What carries calls. */
  call: readonly string[];
}

export function startFirstView({ languages, call }: Parts): void {
  const said = new URLSearchParams(location.search).get('lang');
  const kept = storageOf('localStorage')?.getItem(KEPT_LANGUAGE) ?? null;
  const language = startingLanguage([said, kept], navigator.languages);
  document.documentElement.lang = language;
  document.documentElement.dir = directionOf(language);
  fetchAhead(languages[language]);
  const room = roomOfPath(location.pathname, basePath());
  // An address that says more, as of a page that embeds us, may want another look, or not to join at once.
  if (room === null || location.search !== '') return;
  whenThere('#root', (root) => {
    root.innerHTML = firstFrame(room, language, { name: installationName(), logo: installationLogo() });
  });
  whenPainted(() => call.forEach(fetchAhead));
}

function fetchAhead(address: string): void {
  const link = document.createElement('link');
  if (address.endsWith('.css')) Object.assign(link, { rel: 'preload', as: 'style' });
  else link.rel = 'modulepreload';
  link.crossOrigin = '';
  link.href = address;
  document.head.append(link);
}

/** The document is still being read. */
function whenThere(selector: string, act: (element: Element) => void): void {
  new MutationObserver((_, observer) => {
    const element = document.querySelector(selector);
    if (!element) return;
    observer.disconnect();
    act(element);
  }).observe(document, { childList: true, subtree: true });
}
