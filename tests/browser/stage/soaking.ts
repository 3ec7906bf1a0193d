/** People who come to a page's room and go, and what the page holds each time when as many are there as before. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Crowd } from './crowd.ts';
import { growthOf, heldBy, type Held } from './memory.ts';
import type { Stage } from './visit.ts';
import { testId } from './visitor.ts';

export interface Soak {
  /** How many are there beside the page. */
  people: number;
  /** How many of them go each time, and as many others come. */
  changing: number;
  /** How often, before it counts: caches fill, code is compiled, connections get as many sections as they need. */
  warmup: number;
  rounds: number;
  /** Ends it before. */
  until?: () => boolean;
  /** Wait between changes, ms. */
  pause: number;
  tell?: (held: Held, round: number) => void;
}

const ROOM = 'soak';

/** For people to come and be seen: a machine that does much else takes long, ms. */
const PATIENCE = 240_000;

/** What the page held after each round that counts. */
export async function soaked(stage: Stage, soak: Soak): Promise<Held[]> {
  await using crowd = new Crowd(stage.server, ROOM);
  await crowd.join(soak.people);
  const alice = await stage.visitor('alice', { devices: 'browser', size: { width: 1280, height: 800 } });
  const areThere = async () => {
    await alice.shows('toggle-people', { text: String(crowd.size + 1), within: PATIENCE });
    await alice.until(
      (selector) => [...document.querySelectorAll<HTMLVideoElement>(selector)].every((video) => video.videoWidth > 0),
      [testId('tile', ' video')],
      'a picture in each tile',
      PATIENCE,
    );
  };
  await alice.joinByClick(ROOM);
  await areThere();
  const cdp = await alice.cdp();
  const held: Held[] = [];
  for (let round = -soak.warmup; round < soak.rounds && !soak.until?.(); round++) {
    await crowd.leave(soak.changing);
    await alice.shows('toggle-people', { text: String(crowd.size + 1), within: PATIENCE });
    await crowd.join(soak.changing);
    await areThere();
    await sleep(soak.pause);
    const now = await heldBy(cdp);
    soak.tell?.(now, round);
    if (round >= 0) held.push(now);
  }
  return held;
}

/** What grows with each who comes and goes, in words; empty if nothing does. */
export function growing(held: readonly Held[], { changing }: Pick<Soak, 'changing'>): string[] {
  const perPerson = (figure: keyof Held) => growthOf(held.map((each) => each[figure])) / changing;
  return (Object.keys(LIMITS) as (keyof Held)[])
    .filter((figure) => perPerson(figure) > LIMITS[figure])
    .map((figure) => `${figure} by ${perPerson(figure).toFixed(1)} for each who came and went`);
}

/** More than this for each is a leak, and no noise: a publication that is kept keeps some dozens of objects. */
const LIMITS: Held = { objects: 30, heap: 30_000, nodes: 2, listeners: 2 };
