// How tiles share the stage: pure arithmetic on sizes in CSS pixels. Every layout answers with a box for each tile it shows, so that
// a tile stays the same element wherever it goes.

export interface Size {
  width: number;
  height: number;
}

export interface Box extends Size {
  x: number;
  y: number;
}

export interface Grid {
  columns: number;
  rows: number;
  tile: Size;
}

/** Tiles of a grid that may have several pages. */
export interface Paged {
  boxes: Box[];
  /** The first tile of this page, among all. */
  from: number;
  page: number;
  pages: number;
  /** How many tiles the first page holds. */
  capacity: number;
  /** Where the buttons that turn pages go; null if there is one page. */
  pager: Box | null;
}

export const GAP = 10;

/** Tiles are at most as wide as a camera's picture, and at least this narrow; between them the picture is cropped to fit. */
const WIDEST = 16 / 9;
const NARROWEST = 3 / 4;

/** A page has up to 25 tiles as long as each can be told from the next, and up to 49 where faces can still be read. */
const [USUAL, MOST] = [25, 49];
const SMALLEST = 104;
const READABLE = 120;

const PAGER_HEIGHT = 48;

/**
 * The grid that shows the most picture: of all column counts the one with the largest tiles, where a tile that crops its picture
 * counts for less. A last row that is not full is centred by `gridBoxes`.
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

/** How many tiles a page of the grid holds before faces get too small to read. */
export function tilesPerPage(space: Size, gap: number): number {
  const columns = Math.max(1, Math.floor((space.width + gap) / (SMALLEST + gap)));
  const rows = Math.max(1, Math.floor((space.height + gap) / (SMALLEST * 0.75 + gap)));
  const usual = Math.min(USUAL, columns * rows);
  for (let count = MOST; count > usual; count--) {
    const { tile } = bestGrid(count, space, gap);
    if (Math.min(tile.width, tile.height) >= READABLE) return count;
  }
  return usual;
}

/** Where each of the tiles of one page goes. */
export function gridBoxes(count: number, area: Box): Box[] {
  const { columns, rows, tile } = bestGrid(count, area, GAP);
  const top = area.y + (area.height - rows * tile.height - (rows - 1) * GAP) / 2;
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = Math.min(columns, count - row * columns);
    const left = area.x + (area.width - inRow * tile.width - (inRow - 1) * GAP) / 2;
    return { x: left + (index % columns) * (tile.width + GAP), y: top + row * (tile.height + GAP), ...tile };
  });
}

/** The grid of the wanted page, or of the last one if there are no longer so many. */
export function pagedGrid(count: number, area: Box, wanted: number): Paged {
  const all = tilesPerPage(area, GAP);
  if (count <= all) return { boxes: gridBoxes(count, area), from: 0, page: 0, pages: 1, capacity: all, pager: null };
  const space = { ...area, height: Math.max(1, area.height - PAGER_HEIGHT) };
  const capacity = tilesPerPage(space, GAP);
  const pages = Math.ceil(count / capacity);
  const page = Math.min(wanted, pages - 1);
  const from = page * capacity;
  // Tiles keep their size on the last page, too: a page that is not full is laid out as a full one.
  const boxes = gridBoxes(capacity, space).slice(0, count - from);
  const pager = { x: area.x, y: area.y + area.height - PAGER_HEIGHT, width: area.width, height: PAGER_HEIGHT };
  return { boxes, from, page, pages, capacity, pager };
}

/** Where the small tiles go when one is large: beside it on a wide stage, else below. */
export function stripSide(space: Size): 'right' | 'bottom' {
  return space.width >= 760 && space.width > space.height ? 'right' : 'bottom';
}

/** The stage in two: the large tile, and the strip of small ones if there are any. */
export function split(space: Size, hasStrip: boolean): { large: Box; strip: Box | null } {
  const whole = { x: 0, y: 0, ...space };
  if (!hasStrip) return { large: whole, strip: null };
  if (stripSide(space) === 'right') {
    const width = Math.min(300, Math.max(180, space.width * 0.2));
    return {
      large: { ...whole, width: space.width - width - GAP },
      strip: { x: space.width - width, y: 0, width, height: space.height },
    };
  }
  const height = Math.min(190, Math.max(96, space.height * 0.26));
  return {
    large: { ...whole, height: space.height - height - GAP },
    strip: { x: 0, y: space.height - height, width: space.width, height },
  };
}

/** Oneself in the corner of the other's picture. */
export function cornerBox(space: Size): Box {
  const isNarrow = space.width < 560;
  const width = isNarrow ? space.width * 0.32 : Math.min(300, Math.max(120, space.width * 0.2));
  const height = isNarrow ? width * 1.25 : width / 1.6;
  return { x: space.width - width - 12, y: space.height - height - 12, width, height };
}

export type Direction = 'left' | 'right' | 'up' | 'down';

/** The box one comes to from another by an arrow key: the nearest of those that lie that way; -1 if none does. */
export function neighbour(boxes: readonly Box[], from: number, direction: Direction): number {
  const start = boxes[from];
  if (!start) return -1;
  let [best, least] = [-1, Infinity];
  boxes.forEach((box, index) => {
    const dx = box.x + box.width / 2 - (start.x + start.width / 2);
    const dy = box.y + box.height / 2 - (start.y + start.height / 2);
    const [along, across] = direction === 'left' || direction === 'right' ? [dx, dy] : [dy, dx];
    const ahead = direction === 'left' || direction === 'up' ? -along : along;
    const distance = ahead + 2 * Math.abs(across);
    if (ahead > 1 && distance < least) [best, least] = [index, distance];
  });
  return best;
}
