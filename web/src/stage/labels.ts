// What a tile is called: on its plate, in tips, and to screen readers.
import type { Tile } from '../call/tiles';

export function labelOf({ name, source, isLocal }: Pick<Tile, 'name' | 'source' | 'isLocal'>): string {
  if (source === 'screen_share') return isLocal ? 'Your screen' : `${name}’s screen`;
  return isLocal ? `${name} (you)` : name;
}
