// The tiles of a room in the space there is: a grid; one face large with the own small upon it; or shared screens with the faces beside.
import { ChevronLeft, ChevronRight } from 'lucide-react';
import { useRef, useState } from 'react';
import type { Tile } from '../call/tiles';
import { IconButton } from '../design/IconButton';
import { bestGrid, stripSide, tilesPerPage, type Size } from './layout';
import { TileView } from './TileView';
import { useSize } from './use-size';

const GAP = 10;

export function Stage({ tiles }: { tiles: readonly Tile[] }) {
  const stage = useRef<HTMLDivElement>(null);
  const size = useSize(stage);
  return (
    <div className="stage" ref={stage}>
      {size.width > 0 ? <Arrangement tiles={tiles} size={size} /> : null}
    </div>
  );
}

function Arrangement({ tiles, size }: { tiles: readonly Tile[]; size: Size }) {
  const screens = tiles.filter((tile) => tile.source === 'screen_share');
  const faces = tiles.filter((tile) => tile.source === 'camera');
  const [first, second] = faces;
  if (screens.length > 0) return <Presentation screens={screens} faces={faces} size={size} />;
  if (faces.length === 2 && first && second) return <Duo other={first} own={second} />;
  return <PagedGrid tiles={faces} size={size} label="People in this room" />;
}

function Duo({ other, own }: { other: Tile; own: Tile }) {
  return (
    <ul className="duo" aria-label="People in this room">
      <TileView key={other.key} tile={other} />
      <TileView key={own.key} tile={own} />
    </ul>
  );
}

function Presentation({ screens, faces, size }: { screens: Tile[]; faces: Tile[]; size: Size }) {
  const side = stripSide(size);
  const strip =
    side === 'right'
      ? { width: Math.min(300, Math.max(180, size.width * 0.2)), height: size.height }
      : { width: size.width, height: Math.min(170, Math.max(96, size.height * 0.24)) };
  const rest =
    side === 'right'
      ? { width: size.width - strip.width - GAP, height: size.height }
      : { width: size.width, height: size.height - strip.height - GAP };
  // Whoever speaks comes first, because the strip may not have room for all.
  const ordered = faces.toSorted((a, b) => Number(b.isDominant) - Number(a.isDominant));
  return (
    <div className="presentation" data-side={side}>
      <PagedGrid tiles={screens} size={rest} label="Shared screens" />
      <PagedGrid tiles={ordered} size={strip} label="People in this room" />
    </div>
  );
}

function PagedGrid({ tiles, size, label }: { tiles: readonly Tile[]; size: Size; label: string }) {
  const [wanted, setPage] = useState(0);
  const perPage = tilesPerPage(size, GAP);
  const pages = Math.max(1, Math.ceil(tiles.length / perPage));
  const page = Math.min(wanted, pages - 1);
  const shown = tiles.slice(page * perPage, (page + 1) * perPage);
  const grid = bestGrid(shown.length, size, GAP);
  const style = { width: grid.tile.width, height: grid.tile.height };
  return (
    <div className="grid-frame" style={{ width: size.width, height: size.height }}>
      <ul
        className="grid"
        aria-label={label}
        // Rows are broken here, not by wrapping at the full width: else a narrow row would take one tile more than it should.
        style={{ maxWidth: grid.columns * grid.tile.width + (grid.columns - 1) * GAP + 1, gap: GAP }}
      >
        {shown.map((tile) => (
          <TileView key={tile.key} tile={tile} style={style} />
        ))}
      </ul>
      {pages > 1 ? (
        <nav className="pager" aria-label={`Pages: ${label}`}>
          <IconButton
            label="Previous people"
            icon={ChevronLeft}
            disabled={page === 0}
            onClick={() => setPage(page - 1)}
          />
          <span>
            {page + 1} / {pages}
          </span>
          <IconButton
            label="More people"
            icon={ChevronRight}
            disabled={page === pages - 1}
            onClick={() => setPage(page + 1)}
          />
        </nav>
      ) : null}
    </div>
  );
}
