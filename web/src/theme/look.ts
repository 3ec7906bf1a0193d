// How an address wants the page to look: a few CSS variables, light or dark, a logo. An installation's own theme is in the page already,
// written there by the server; what an address says comes on top of it.
import { Store } from '../state/store';
import { accentOn, contrast, hexOf, READABLE, SCHEMES, type Colour, type SchemeName } from './colours';
import { installationLogo } from './installation';

export interface Look {
  scheme: SchemeName | null;
  accent: Colour | null;
  background: Colour | null;
  radius: number | null;
  font: string | null;
  logo: string | null;
}

/** The picture in the place of the logo: that of the address, else of the installation; null: our own. */
export const logo = new Store<string | null>(null);

/** Whether the page's words can be read on a background, in the scheme that is nearer to it. */
export function schemeFor(background: Colour): SchemeName | null {
  const fits = (name: SchemeName) => contrast(background, SCHEMES[name].ink2) >= READABLE;
  return fits('light') ? 'light' : fits('dark') ? 'dark' : null;
}

/** Before the first drawing. */
export function applyLook(look: Look, root: HTMLElement = document.documentElement): void {
  logo.set(look.logo ?? installationLogo());
  const { style } = root;
  // A background is light or dark: the page's words must follow it, whatever the system likes.
  const scheme = look.background ? schemeFor(look.background) : look.scheme;
  if (scheme) root.dataset['theme'] = scheme;
  if (look.background) style.setProperty('--paper', hexOf(look.background));
  if (look.radius !== null) {
    style.setProperty('--radius', `${look.radius}px`);
    style.setProperty('--radius-small', `${Math.round(look.radius * 0.6)}px`);
  }
  if (look.font !== null) style.setProperty('--font', look.font);
  if (look.accent || look.background) applyAccent(look, scheme, style);
}

function applyAccent({ accent, background }: Look, scheme: SchemeName | null, style: CSSStyleDeclaration): void {
  const made = (name: SchemeName) => {
    const on = SCHEMES[name];
    return accentOn(accent ?? on.accent, on, background ?? on.paper);
  };
  const [light, dark] = [made('light'), made('dark')];
  const names = {
    accent: '--accent',
    hover: '--accent-hover',
    soft: '--accent-soft',
    onAccent: '--on-accent',
  } as const;
  for (const part of ['accent', 'hover', 'soft', 'onAccent'] as const) {
    style.setProperty(names[part], `light-dark(${hexOf(light[part])}, ${hexOf(dark[part])})`);
  }
  // Browsers without light-dark() would have no accent at all.
  if (CSS.supports('color', 'light-dark(#000, #000)')) return;
  const isDark = (scheme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
  for (const part of ['accent', 'hover', 'soft', 'onAccent'] as const) {
    style.setProperty(names[part], hexOf((isDark ? dark : light)[part]));
  }
}
