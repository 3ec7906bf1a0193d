// How tiles share a space: pure arithmetic on sizes in CSS pixels.

export interface Size {
  width: number;
  height: number;
}

export interface Grid {
  columns: number;
  rows: number;
  tile: Size;
}

/** Tiles are at most as wide as a camera's picture, and at least this narrow; between them the picture is cropped to fit. */
const WIDEST = 16 / 9;
const NARROWEST = 3 / 4;

/**
 * The grid that shows the most picture: of all column counts the one with the largest tiles, where a tile that crops its picture
 * counts for less. A last row that is not full is centred by whoever draws.
 */
export function bestGrid(count: number, space: Size, gap: number): Grid {
  let best: Grid = { columns: 1, rows: 1, tile: { width: 0, height: 0 } };
  let bestScore = -1;
  for (let columns = 1; columns <= Math.max(1, count); columns++) {
    const rows = Math.ceil(Math.max(1, count) / columns);
    const tile = tileIn((space.width - gap * (columns - 1)) / columns, (space.height - gap * (rows - 1)) / rows);
    const seen = Math.min(1, tile.width / tile.height / WIDEST);
    const score = tile.width * tile.height * (0.4 + 0.6 * seen);
    if (score > bestScore) {
      bestScore = score;
      best = { columns, rows, tile };
    }
  }
  return best;
}

function tileIn(width: number, height: number): Size {
  const [w, h] = [Math.max(1, width), Math.max(1, height)];
  if (w / h > WIDEST) return { width: h * WIDEST, height: h };
  if (w / h < NARROWEST) return { width: w, height: w / NARROWEST };
  return { width: w, height: h };
}

/** How many tiles a page of the grid holds before faces get too small to read; never more than 25. */
export function tilesPerPage(space: Size, gap: number): number {
  const smallest = 104;
  const columns = Math.max(1, Math.floor((space.width + gap) / (smallest + gap)));
  const rows = Math.max(1, Math.floor((space.height + gap) / (smallest * 0.75 + gap)));
  return Math.min(25, Math.max(1, columns * rows));
}

/** Where the faces go when a screen is shown: beside it on a wide stage, else below. */
export function stripSide(space: Size): 'right' | 'bottom' {
  return space.width >= 760 && space.width > space.height ? 'right' : 'bottom';
}
