// A name for a room that nobody had to think of: easy to say in any language, and not one that another stumbles on.

const CONSONANTS = 'bdfglmnprstvz';
const VOWELS = 'aeiou';

/** Three words of two syllables: about 2 to the power of 36 names. */
export function suggestName(random: (below: number) => number = randomBelow): string {
  const pick = (letters: string) => letters.charAt(random(letters.length));
  const word = () => pick(CONSONANTS) + pick(VOWELS) + pick(CONSONANTS) + pick(VOWELS);
  return [word(), word(), word()].join('-');
}

function randomBelow(below: number): number {
  const [value = 0] = crypto.getRandomValues(new Uint32Array(1));
  return value % below;
}
