// An arrangement in the space there is: each tile on the page with its box.
import type { Tile } from '../call/tiles';
import { tilesOf, type Arrangement } from './arrangement';
import { cornerBox, pagedGrid, split, type Box, type Paged, type Size } from './layout';

/** What a tile is on the stage: drawn differently, but the same element. */
export type Place = 'grid' | 'large' | 'strip' | 'corner';

export interface Placed {
  tile: Tile;
  box: Box;
  place: Place;
}

export interface Stand {
  /** In reading order; tiles of other pages are not among them. */
  placed: readonly Placed[];
  paged: Paged | null;
  /** How many people the first page has places for, whoever is large included. */
  capacity: number;
}

export function standOf(arrangement: Arrangement, space: Size, page: number): Stand {
  const whole = { x: 0, y: 0, ...space };
  switch (arrangement.kind) {
    case 'grid': {
      const paged = pagedGrid(arrangement.tiles.length, whole, page);
      return { placed: placedIn(arrangement.tiles, paged, 'grid'), paged, capacity: paged.capacity };
    }
    case 'duo': {
      const [large, corner] = tilesOf(arrangement);
      const placed: Placed[] = [];
      if (large) placed.push({ tile: large, box: whole, place: 'large' });
      if (corner) placed.push({ tile: corner, box: cornerBox(space), place: 'corner' });
      return { placed, paged: null, capacity: Infinity };
    }
    case 'large': {
      const { large, strip } = split(space, true);
      const paged = strip && pagedGrid(arrangement.strip.length, strip, page);
      const small = paged ? placedIn(arrangement.strip, paged, 'strip') : [];
      const screens = arrangement.strip.filter(({ source }) => source === 'screen_share').length;
      const isFace = arrangement.large.source === 'camera';
      const capacity = Math.max(1, (paged?.capacity ?? 0) - screens + (isFace ? 1 : 0));
      return { placed: [{ tile: arrangement.large, box: large, place: 'large' }, ...small], paged, capacity };
    }
    case 'only':
      return { placed: [{ tile: arrangement.large, box: whole, place: 'large' }], paged: null, capacity: Infinity };
  }
}

function placedIn(tiles: readonly Tile[], { boxes, from }: Paged, place: Place): Placed[] {
  return boxes.flatMap((box, index) => {
    const tile = tiles[from + index];
    return tile ? [{ tile, box, place }] : [];
  });
}
