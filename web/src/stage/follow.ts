// Whom the large tile follows. A cough or a "yes" must not take it: somebody else has to lead the talk for a while, and the picture
// stays for some seconds at least once it changed.

export interface Following {
  /** The identity that is large; null while nobody has been. */
  shown: string | null;
  shownSince: number;
  /** Who leads the talk, if it is another, and since when. */
  rival: string | null;
  rivalSince: number;
}

export const NOBODY: Following = { shown: null, shownSince: -Infinity, rival: null, rivalSince: 0 };

/** How long somebody has to lead before being followed, ms. */
const LEAD = 1_200;
/** How long a picture stays at least, ms. */
const STAY = 3_000;

/** The next state. `dominant` is who leads the talk now, `present` all who could be shown, the first of them if nobody spoke yet. */
export function followed(
  before: Following,
  dominant: string | null,
  present: readonly string[],
  now: number,
): Following {
  const leader = dominant !== null && present.includes(dominant) ? dominant : null;
  const isGone = before.shown === null || !present.includes(before.shown);
  if (isGone) {
    const shown = leader ?? present[0] ?? null;
    // Whoever is shown only because somebody must be yields as soon as another speaks.
    return shown === before.shown && before.rival === null
      ? before
      : { shown, shownSince: leader === null ? -Infinity : now, rival: null, rivalSince: 0 };
  }
  if (leader === null || leader === before.shown)
    return before.rival === null ? before : { ...before, rival: null, rivalSince: 0 };
  if (leader !== before.rival) return mature({ ...before, rival: leader, rivalSince: now }, now);
  return mature(before, now);
}

/** When to look again although nothing changed; null if no need. */
export function dueAt({ rival, rivalSince, shownSince }: Following): number | null {
  return rival === null ? null : Math.max(rivalSince + LEAD, shownSince + STAY);
}

function mature(following: Following, now: number): Following {
  const due = dueAt(following);
  if (following.rival === null || due === null || now < due) return following;
  return { shown: following.rival, shownSince: now, rival: null, rivalSince: 0 };
}
