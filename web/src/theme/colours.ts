// Colours of a theme, so that what is written with them can be read: WCAG 2.2's contrast, and shades that reach it. The server does the
// same for a theme's file (`visavis/colours.py`); the cases of both are in accents.json.

/** The contrast that WCAG 2.2 AA asks of text (1.4.3). */
export const READABLE = 4.5;

/** Red, green and blue of sRGB, 0 to 255. */
export type Colour = readonly [number, number, number];

/** What the design puts an accent on, light or dark: the values of design.css. */
export interface Scheme {
  paper: Colour;
  surface: Colour;
  /** The paler one of the page's two colours of words. */
  ink2: Colour;
  accent: Colour;
  /** What an accent is mixed with until it stands out. */
  towards: Colour;
}

export type SchemeName = 'light' | 'dark';

const BLACK: Colour = [0, 0, 0];
const WHITE: Colour = [255, 255, 255];

export const SCHEMES: Record<SchemeName, Scheme> = {
  light: {
    paper: [0xf5, 0xf4, 0xf0],
    surface: WHITE,
    ink2: [0x5a, 0x5b, 0x62],
    accent: [0x0f, 0x6b, 0x5f],
    towards: BLACK,
  },
  dark: {
    paper: [0x13, 0x14, 0x17],
    surface: [0x1d, 0x1f, 0x24],
    ink2: [0xa9, 0xab, 0xb3],
    accent: [0x54, 0xcd, 0xb9],
    towards: WHITE,
  },
};

/** An accent that can be read on a scheme, and what goes with it. */
export interface Accent {
  accent: Colour;
  hover: Colour;
  soft: Colour;
  onAccent: Colour;
}

/** Reads `#rgb` or `#rrggbb`, also without the `#`, which begins the fragment of an address; null if it is none. */
export function parseColour(text: string): Colour | null {
  const digits = /^#?([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(text)?.[1];
  if (digits === undefined) return null;
  const full = digits.length === 6 ? digits : digits.replace(/./g, '$&$&');
  const part = (at: number) => parseInt(full.slice(at, at + 2), 16);
  return [part(0), part(2), part(4)];
}

export function hexOf(colour: Colour): string {
  return `#${colour.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}

/** WCAG's contrast of two colours: 1 (none) to 21. */
export function contrast(first: Colour, second: Colour): number {
  const [a, b] = [luminance(first), luminance(second)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

/** The accent nearest to `given` that can be read on a scheme: it is the colour of words, too, not only of surfaces. */
export function accentOn(given: Colour, scheme: Scheme, paper: Colour = scheme.paper): Accent {
  const at = (step: number) => {
    const accent = mixed(given, scheme.towards, step / 20);
    return { accent, soft: mixed(accent, scheme.surface, 0.86) };
  };
  let step = 0;
  let made = at(step);
  while (step < 20 && [scheme.surface, paper, made.soft].some((behind) => contrast(made.accent, behind) < READABLE)) {
    made = at(++step);
  }
  // Of black and white, one always has 4.5 on any colour.
  const isWhite = contrast(made.accent, WHITE) >= READABLE;
  return {
    ...made,
    hover: mixed(made.accent, isWhite ? BLACK : WHITE, 0.14),
    onAccent: isWhite ? WHITE : BLACK,
  };
}

function mixed(first: Colour, second: Colour, share: number): Colour {
  const part = (at: 0 | 1 | 2) => Math.floor(first[at] + (second[at] - first[at]) * share + 0.5);
  return [part(0), part(1), part(2)];
}

function luminance(colour: Colour): number {
  const linear = (part: number) => {
    const value = part / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2]);
}
