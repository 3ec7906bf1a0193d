/**
 * Promises like "within 2 s" hold on a machine that keeps up. How far this one is behind at the moment, with pages that
 * encode and other people's work beside them, is measured, not guessed: by the time that a known piece of work takes.
 */

/** Steps of the known work, and the time they take on one free core of the machine our promises were made on, ms. */
const STEPS = 8_000_000;
const USUAL = 20;
/** A measurement holds for so long, ms: many wait for the same thing. */
const FRESH = 3_000;
/** Nothing may take longer, ms. */
const LONGEST = 30_000;

function work(): number {
  let state = 1;
  const start = performance.now();
  for (let step = 0; step < STEPS; step++) state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
  // The result is used, so that the loop is not optimized away.
  return performance.now() - start + (state === 0 ? 1e-9 : 0);
}

work(); // compiles it

let [behind, measured] = [1, -Infinity];

/** What has `ms` on a machine that keeps up may take so long on this one, now. */
export function paced(ms: number): number {
  if (performance.now() - measured > FRESH) {
    behind = Math.max(1, work() / USUAL);
    measured = performance.now();
  }
  // Whoever waits for a core waits again in each process that a picture passes through.
  return Math.max(ms, Math.min(LONGEST, Math.round(ms * behind ** 2)));
}
