// What the address of a room says beside its name: see docs/embedding.md. Parsed here, once; what is wrong is told in words and left out.
import { isLanguage, type Language } from '../i18n/languages';
import { LONGEST_NAME } from '../shell/person';
import { parseColour, type Colour } from '../theme/colours';
import { schemeFor, type Look } from '../theme/look';

/** Buttons that can be left out. What is left out has no shortcut either. */
export const CONTROLS = [
  'microphone',
  'camera',
  'screen',
  'hand',
  'reactions',
  'captions',
  'chat',
  'people',
  'connection',
  'view',
  'invite',
  'rooms',
  'settings',
  'leave',
] as const;

export type Control = (typeof CONTROLS)[number];

export interface AddressOptions {
  /** In somebody's page: without a way home. */
  isEmbedded: boolean;
  /** The origin that is told what happens and may give commands, as the address names it. */
  parent: string | null;
  /** Whether to join at once. */
  join: boolean;
  name: string | null;
  /** Off at the beginning. Nothing turns a camera on but the person, or a page that embeds us. */
  off: { camera: boolean; microphone: boolean };
  /** Null: all. */
  controls: ReadonlySet<Control> | null;
  language: Language | null;
  look: Look;
  problems: readonly string[];
  warnings: readonly string[];
}

const LARGEST_RADIUS = 32;

/** @param own the page's own origin */
export function parseOptions(search: string, own: string): AddressOptions {
  const problems: string[] = [];
  const query = new URLSearchParams(search);
  const read = <T>(key: string, parse: (text: string) => T | null, rule: string): T | null => {
    const text = query.get(key);
    if (text === null) return null;
    const value = parse(text);
    if (value === null) problems.push(`${key} is ${JSON.stringify(text.slice(0, 80))}: ${rule}.`);
    return value;
  };
  const oneOf = <T extends string>(key: string, ...words: readonly T[]) =>
    read(key, (text) => words.find((word) => word === text) ?? null, `it is ${words.join(' or ')}`);
  const colour = (key: string) => read<Colour>(key, parseColour, 'it is a colour such as 7a1fa2');

  const background = read(
    'background',
    (text) => {
      const given = parseColour(text);
      return given && schemeFor(given) ? given : null;
    },
    'it is a colour such as f5f4f0 on which words can be read, light or dark',
  );
  const look: Look = {
    scheme: oneOf('theme', 'light', 'dark'),
    accent: colour('accent'),
    background,
    radius: read('radius', radiusOf, `it is a number of pixels from 0 to ${LARGEST_RADIUS}`),
    font: read('font', fontOf, 'it is a list of font names such as Inter, sans-serif'),
    logo: read('logo', (text) => pictureAddress(text, own), 'it is an address of a picture that begins with https://'),
  };
  const off = {
    camera: oneOf('camera', 'on', 'off') === 'off',
    microphone: oneOf('microphone', 'on', 'off') === 'off',
  };
  const options = {
    isEmbedded: oneOf('embed', '1', '0') === '1',
    parent: read('parent', originOf, 'it is an origin such as https://intranet.example.org'),
    join: oneOf('join', '1', '0') !== '0',
    name: read('name', nameOf, `it has 1 to ${LONGEST_NAME} characters`),
    off,
    controls: read('controls', controlsOf, `it is a list, with commas, of ${CONTROLS.join(', ')}`),
    language: read('lang', (text) => (isLanguage(text) ? text : null), 'it is one of the languages of the page'),
    look,
    problems,
  };
  return { ...options, warnings: unknownIn(query) };
}

const KNOWN = [
  ...['embed', 'parent', 'join', 'name', 'camera', 'microphone', 'controls', 'lang'],
  ...['theme', 'accent', 'background', 'radius', 'font', 'logo'],
];

function unknownIn(query: URLSearchParams): string[] {
  const found = [...new Set(query.keys())].filter((key) => !KNOWN.includes(key));
  return found.map((key) =>
    key === 'token'
      ? 'token belongs behind # in the address, where no server and no log sees it; it is left out here.'
      : `${JSON.stringify(key.slice(0, 40))} is nothing that the address of a room can say.`,
  );
}

function radiusOf(text: string): number | null {
  const value = /^\d{1,2}$/.test(text) ? Number(text) : NaN;
  return value <= LARGEST_RADIUS ? value : null;
}

function fontOf(text: string): string | null {
  const isList = /^[A-Za-z0-9 ,'"_-]{1,200}$/.test(text);
  return isList && ['"', "'"].every((quote) => text.split(quote).length % 2 === 1) ? text : null;
}

/** An image at https, or at our own origin. Never a `data:` or `blob:` of somebody else's making, never a script. */
function pictureAddress(text: string, own: string): string | null {
  const url = safeUrl(text, own);
  return url && (url.protocol === 'https:' || url.origin === own) ? url.href : null;
}

function originOf(text: string): string | null {
  const url = safeUrl(text);
  return url && /^https?:$/.test(url.protocol) && url.origin === text ? text : null;
}

function safeUrl(text: string, base?: string): URL | null {
  try {
    return new URL(text, base);
  } catch {
    return null;
  }
}

function nameOf(text: string): string | null {
  const name = text.trim();
  return name !== '' && Array.from(name).length <= LONGEST_NAME ? name : null;
}

function controlsOf(text: string): ReadonlySet<Control> | null {
  const words = text.split(',').map((word) => word.trim());
  const controls = words.filter((word) => word !== '');
  return controls.every((word): word is Control => (CONTROLS as readonly string[]).includes(word))
    ? new Set(controls)
    : null;
}
