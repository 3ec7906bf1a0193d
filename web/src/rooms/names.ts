// What may be the name of a room, told before asking: the same rules as the server's `rooms/names.py`, which decides.

const MAX_LENGTH = 255;
// Text direction controls make a name look like another one.
const DIRECTION = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const CONTROL = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;

/** What is wrong with a name in plain words, or null if it is one. An empty name is not told: the button is off. */
export function roomNameProblem(name: string): string | null {
  // As the server counts: characters, not UTF-16 units.
  const length = Array.from(name).length;
  if (length > MAX_LENGTH) return `That is ${length} characters; a room name has at most ${MAX_LENGTH}.`;
  if (name.includes('/')) return 'A room name cannot have a “/”, because it becomes part of an address.';
  if (DIRECTION.test(name)) return 'That name has an invisible character that turns the text around. Type it anew.';
  if (CONTROL.test(name)) return 'That name has an invisible control character. Type it anew.';
  return null;
}

export function isRoomName(name: string): boolean {
  return name.trim() !== '' && roomNameProblem(name) === null;
}
