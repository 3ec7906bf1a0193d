// What may be the name of a room, told before asking: the same rules as the server's `rooms/names.py`, which decides.
import { t } from '../i18n/i18n';

const MAX_LENGTH = 255;
// Text direction controls make a name look like another one.
const DIRECTION = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const CONTROL = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;

/** What is wrong with a name in plain words, or null if it is one. An empty name is not told: the button is off. */
export function roomNameProblem(name: string): string | null {
  // As the server counts: characters, not UTF-16 units.
  const length = Array.from(name).length;
  if (length > MAX_LENGTH) return t('rooms:name.long', { length, most: MAX_LENGTH });
  if (name.includes('/')) return t('rooms:name.slash');
  if (DIRECTION.test(name)) return t('rooms:name.direction');
  if (CONTROL.test(name)) return t('rooms:name.control');
  return null;
}

export function isRoomName(name: string): boolean {
  return name.trim() !== '' && roomNameProblem(name) === null;
}
