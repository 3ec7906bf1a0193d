// What the stage shows, before any size is known: which tile is large, which are small, in which order.
import type { Tile } from '../call/tiles';

export type LayoutChoice = 'grid' | 'speaker';

export type Arrangement =
  | { kind: 'grid'; tiles: readonly Tile[] }
  /** Two people: the other as large as can be, oneself in the corner. */
  | { kind: 'duo'; large: Tile; corner: Tile }
  | { kind: 'large'; large: Tile; strip: readonly Tile[] }
  /** One tile in full screen. */
  | { kind: 'only'; large: Tile };

export interface Wishes {
  choice: LayoutChoice;
  /** The key of the tile that the person wants large, whatever happens. */
  pinned: string | null;
  /** Whom the speaker layout follows. */
  speaker: string | null;
  /** The key of the one tile that fills the screen. */
  only: string | null;
}

/** `faces` and `screens` in the order of their places. Shared screens come first, and of others before one's own. */
export function arrange(faces: readonly Tile[], screens: readonly Tile[], wishes: Wishes): Arrangement {
  const all = [...screens, ...faces];
  const only = all.find(({ key }) => key === wishes.only);
  if (only) return { kind: 'only', large: only };
  const large = largeOf(faces, screens, wishes);
  const [first, second, ...more] = faces;
  const isPinned = large !== undefined && large.key === wishes.pinned;
  if (first && second && more.length === 0 && screens.length === 0 && !isPinned)
    return first.isLocal ? duo(second, first) : duo(first, second);
  if (!large || all.length === 1) return { kind: 'grid', tiles: faces };
  return { kind: 'large', large, strip: all.filter((tile) => tile !== large) };
}

/** The tiles of an arrangement, in the order in which they are drawn and read. */
export function tilesOf(arrangement: Arrangement): readonly Tile[] {
  switch (arrangement.kind) {
    case 'grid':
      return arrangement.tiles;
    case 'duo':
      return [arrangement.large, arrangement.corner];
    case 'large':
      return [arrangement.large, ...arrangement.strip];
    case 'only':
      return [arrangement.large];
  }
}

/** The one tile to show where there is room for one only: what is large, else who speaks, else anybody, oneself last. */
export function leadingTile(arrangement: Arrangement): Tile | undefined {
  if (arrangement.kind !== 'grid') return arrangement.large;
  const others = arrangement.tiles.filter(({ isLocal }) => !isLocal);
  return others.find(({ isDominant }) => isDominant) ?? others[0] ?? arrangement.tiles[0];
}

function largeOf(faces: readonly Tile[], screens: readonly Tile[], wishes: Wishes): Tile | undefined {
  const pinned = [...screens, ...faces].find(({ key }) => key === wishes.pinned);
  if (pinned) return pinned;
  // The newest of the others': it was shared to be seen. One's own only if there is no other: one sees it anyway.
  const screen = screens.findLast(({ isLocal }) => !isLocal) ?? screens[0];
  if (screen) return screen;
  if (wishes.choice === 'grid') return undefined;
  return faces.find(({ identity }) => identity === wishes.speaker) ?? faces.find(({ isLocal }) => !isLocal);
}

function duo(large: Tile, corner: Tile): Arrangement {
  return { kind: 'duo', large, corner };
}
