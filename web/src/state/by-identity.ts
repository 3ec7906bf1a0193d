// A person's part of a list that everybody is in. Every tile asks for its own after each change: the list is gone through once for all of
// them, and a component whose part has not changed rests.
import { usePart, type Readable } from './store';

interface Owned {
  identity: string;
}

type Groups = ReadonlyMap<string, readonly Owned[]>;

const NONE: readonly never[] = [];
const known = new WeakMap<readonly Owned[], Groups>();

/** All that is somebody's, in the order of the list. */
export function allOf<T extends Owned>(list: readonly T[], identity: string): readonly T[] {
  let groups = known.get(list);
  if (!groups) known.set(list, (groups = grouped(list)));
  return (groups.get(identity) ?? NONE) as readonly T[];
}

function grouped(list: readonly Owned[]): Groups {
  const groups = new Map<string, Owned[]>();
  for (const item of list) {
    const group = groups.get(item.identity);
    if (group) group.push(item);
    else groups.set(item.identity, [item]);
  }
  return groups;
}

export function useAllOf<T extends Owned>(store: Readable<readonly T[]>, identity: string): readonly T[] {
  return usePart(store, (list) => allOf(list, identity));
}

/** Where each has at most one: theirs. */
export function useFirstOf<T extends Owned>(store: Readable<readonly T[]>, identity: string): T | undefined;
export function useFirstOf<V, T extends Owned>(
  store: Readable<V>,
  identity: string,
  listOf: (value: V) => readonly T[],
): T | undefined;
export function useFirstOf<V, T extends Owned>(
  store: Readable<V>,
  identity: string,
  listOf: (value: V) => readonly T[] = (value) => value as readonly T[],
): T | undefined {
  return usePart(store, (value) => allOf(listOf(value), identity)[0]);
}
