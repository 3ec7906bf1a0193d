// A file that somebody offers: what the others are told of it before anybody asks for it.
import { bytes } from '../i18n/format';
import { t } from '../i18n/i18n';

export const LARGEST_FILE = 25_000_000;

/** Pictures that browsers show without running anything in them. SVG is none. */
const SAFE_PICTURES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/bmp']);

export interface FileOffer {
  id: string;
  name: string;
  size: number;
  type: string;
}

export function parseOffer(text: string | undefined): FileOffer | null {
  if (text === undefined) return null;
  try {
    const { id, name, size, type } = JSON.parse(text) as Record<string, unknown>;
    if (typeof id !== 'string' || typeof name !== 'string' || typeof size !== 'number') return null;
    if (!Number.isInteger(size) || size <= 0 || size > LARGEST_FILE) return null;
    return { id, name: safeName(name), size, type: typeof type === 'string' ? type : '' };
  } catch {
    return null;
  }
}

/** A name that names a file and nothing else: no folders, no control characters, none that turn the reading around. */
export function safeName(name: string): string {
  const plain = name
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '')
    .replace(/[/\\:*?"<>|]/g, '_')
    .trim();
  const points = Array.from(plain);
  const short = points.length > 120 ? `${points.slice(0, 100).join('')}…${points.slice(-19).join('')}` : plain;
  return short.replace(/^\.+/, '') || 'file';
}

/** Why a file cannot be shared, or null. */
export function fileProblem({ name, size }: { name: string; size: number }): string | null {
  if (size === 0) return t('chat:fileEmpty', { name: safeName(name) });
  if (size <= LARGEST_FILE) return null;
  return t('chat:fileLarge', { name: safeName(name), size: bytes(size), most: bytes(LARGEST_FILE) });
}

/** The type that a file is kept under: whatever could run when it is opened is mere bytes. */
export function safeType(type: string): string {
  return SAFE_PICTURES.has(type) ? type : 'application/octet-stream';
}

export function isPicture(type: string): boolean {
  return SAFE_PICTURES.has(type);
}
