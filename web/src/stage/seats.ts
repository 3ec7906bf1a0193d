// Who sits where. People keep their place: who comes sits down at the end, who goes is followed by the last, and who speaks without
// being seen takes the place of the one on the first page who has not spoken for the longest. Nothing else moves anybody.

export interface Seated {
  identity: string;
  isLocal: boolean;
  isSpeaking: boolean;
}

export interface Seats {
  /** Identities, in the order of their places; oneself first. */
  order: readonly string[];
  /** When somebody was last heard, in milliseconds of whatever clock; missing: never. */
  heard: ReadonlyMap<string, number>;
}

export const NO_SEATS: Seats = { order: [], heard: new Map() };

/** The seats after a change; `capacity` is how many places the first page has, `fixed` are people who must not lose theirs. */
export function seated(
  before: Seats,
  people: readonly Seated[],
  capacity: number,
  now: number,
  fixed: readonly string[] = [],
): Seats {
  const here = new Map(people.map((person) => [person.identity, person]));
  const order = before.order.slice();
  for (let place = 0; place < order.length;) {
    if (here.has(order[place] ?? '')) place++;
    else if (place === order.length - 1) order.pop();
    else order[place] = order.pop() ?? '';
  }
  const old = new Set(order);
  for (const { identity, isLocal } of people) {
    if (old.has(identity)) continue;
    if (isLocal) order.unshift(identity);
    else order.push(identity);
  }
  const heard = new Map([...before.heard].filter(([identity]) => here.has(identity)));
  for (const { identity, isSpeaking } of people) if (isSpeaking) heard.set(identity, now);
  bringSpeakersForward(order, heard, here, capacity, fixed);
  return { order: isSameOrder(before.order, order) ? before.order : order, heard };
}

/** The order with two people in each other's place. */
export function swapped(order: readonly string[], a: string, b: string): readonly string[] {
  const [placeOfA, placeOfB] = [order.indexOf(a), order.indexOf(b)];
  return placeOfA < 0 || placeOfB < 0 ? order : order.with(placeOfA, b).with(placeOfB, a);
}

function bringSpeakersForward(
  order: string[],
  heard: ReadonlyMap<string, number>,
  here: ReadonlyMap<string, Seated>,
  capacity: number,
  fixed: readonly string[],
): void {
  for (let place = capacity; place < order.length; place++) {
    const speaker = order[place] ?? '';
    if (!here.get(speaker)?.isSpeaking) continue;
    const yielding = order
      .slice(0, capacity)
      .filter((identity) => {
        const person = here.get(identity);
        return person && !person.isLocal && !person.isSpeaking && !fixed.includes(identity);
      })
      .toSorted((a, b) => (heard.get(a) ?? -Infinity) - (heard.get(b) ?? -Infinity))[0];
    if (yielding === undefined) return; // All who are seen speak.
    order[order.indexOf(yielding)] = speaker;
    order[place] = yielding;
  }
}

function isSameOrder(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((identity, place) => identity === b[place]);
}
