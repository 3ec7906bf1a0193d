// The tiles of a call in the space there is. All of them are children of one list, each in its box: whatever the layout, a tile stays
// the same element, so that no picture is taken down when people move.
import { ChevronLeft, ChevronRight, Maximize, Minimize, PictureInPicture2, Pin, PinOff } from 'lucide-react';
import { useCallback, useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import { useCallServices } from '../call/services';
import type { Tile } from '../call/tiles';
import { IconButton } from '../design/IconButton';
import { Menu, type MenuItem } from '../design/Menu';
import { number } from '../i18n/format';
import { isRightToLeft, useT } from '../i18n/i18n';
import { commandsFor } from '../moderation/commands';
import { useFirstOf } from '../state/by-identity';
import { useStore } from '../state/store';
import { labelOf } from './labels';
import { neighbour, type Direction, type Paged, type Size } from './layout';
import { standOf } from './places';
import { TileView } from './TileView';
import { usePortions } from './use-portions';
import { useSize } from './use-size';
import { videoOf } from './view-commands';
import './stage.css';

export function Stage() {
  const { stage } = useCallServices();
  const { arrangement } = useStore(stage.view);
  const element = useRef<HTMLDivElement>(null);
  const size = useSize(element);
  return (
    <div className="stage" data-testid="stage" data-kind={arrangement.kind} ref={element}>
      {size.width > 0 ? <Tiles size={size} /> : null}
    </div>
  );
}

const ARROWS: Record<string, Direction> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
};

/** Boxes are counted from where one begins to read: there, left and right are the other way round in Arabic. */
function towards(key: string): Direction | undefined {
  const direction = ARROWS[key];
  if (!isRightToLeft() || (direction !== 'left' && direction !== 'right')) return direction;
  return direction === 'left' ? 'right' : 'left';
}

interface OpenMenu {
  key: string;
  at: { left: number; right: number; top: number; bottom: number };
}

function Tiles({ size }: { size: Size }) {
  const t = useT();
  const { stage } = useCallServices();
  const { arrangement, pinned } = useStore(stage.view);
  const [page, setPage] = useState(0);
  const [menu, setMenu] = useState<OpenMenu | null>(null);
  const [reached, setReached] = useState<string | null>(null);
  const list = useRef<HTMLUListElement>(null);
  const { placed, paged, capacity } = useMemo(() => standOf(arrangement, size, page), [arrangement, size, page]);
  useEffect(() => stage.setCapacity(capacity), [stage, capacity]);
  const shown = usePortions(placed);

  // One stop of the Tab key for all tiles, however many there are; arrow keys go from tile to tile.
  const stop = placed.some(({ tile }) => tile.key === reached) ? reached : placed[0]?.tile.key;
  const onKeyDown = (event: KeyboardEvent) => {
    const direction = towards(event.key);
    if (!direction || !(event.target instanceof Element) || !event.target.closest('.tile-options')) return;
    event.preventDefault();
    const boxes = placed.map(({ box }) => box);
    const from = placed.findIndex(({ tile }) => tile.key === stop);
    const next = placed[neighbour(boxes, from, direction)]?.tile.key;
    if (next === undefined) return;
    setReached(next);
    const tiles = [...(list.current?.children ?? [])] as HTMLElement[];
    tiles
      .find(({ dataset }) => dataset['key'] === next)
      ?.querySelector<HTMLElement>('.tile-options')
      ?.focus();
  };
  const openMenu = useCallback((key: string, at: OpenMenu['at']) => {
    setReached(key);
    setMenu({ key, at });
  }, []);
  const menuTile = placed.find(({ tile }) => tile.key === menu?.key)?.tile;
  return (
    <>
      <ul className="tiles" aria-label={t('stage:people')} ref={list} onKeyDown={onKeyDown}>
        {shown.map(({ tile, box, place }) => (
          <TileView
            key={tile.key}
            tile={tile}
            place={place}
            x={box.x}
            y={box.y}
            width={box.width}
            height={box.height}
            isPinned={tile.key === pinned}
            isStop={tile.key === stop}
            onMenu={openMenu}
          />
        ))}
      </ul>
      {paged?.pager ? <Pager paged={paged} onPage={setPage} /> : null}
      {menu && menuTile ? <TileMenu tile={menuTile} at={menu.at} onClose={() => setMenu(null)} /> : null}
    </>
  );
}

function Pager({ paged, onPage }: { paged: Paged; onPage: (page: number) => void }) {
  const t = useT();
  const { page, pages, pager } = paged;
  if (!pager) return null;
  return (
    <nav
      className="pager"
      aria-label={t('stage:pages')}
      style={{ insetInlineStart: pager.x, top: pager.y, width: pager.width, height: pager.height }}
    >
      <IconButton
        label={t('stage:previous')}
        icon={ChevronLeft}
        testId="previous-page"
        // Not disabled: the focus must not fall away under who has just come to the first page.
        aria-disabled={page === 0}
        onClick={() => onPage(Math.max(0, page - 1))}
      />
      <span role="status" data-testid="page">
        <span className="for-screen-readers">{t('stage:page')} </span>
        <span dir="ltr">
          {number(page + 1)} / {number(pages)}
        </span>
      </span>
      <IconButton
        label={t('stage:next')}
        icon={ChevronRight}
        testId="next-page"
        aria-disabled={page === pages - 1}
        onClick={() => onPage(Math.min(pages - 1, page + 1))}
      />
    </nav>
  );
}

function TileMenu({ tile, at, onClose }: { tile: Tile; at: OpenMenu['at']; onClose: () => void }) {
  const t = useT();
  const { stage, fullScreen, pictureInPicture, people, moderation } = useCallServices();
  const isPinned = useStore(stage.view).pinned === tile.key;
  const isAlone = useStore(fullScreen.view).tile === tile.key;
  const items: MenuItem[] = [];
  if (!isAlone)
    items.push({
      label: t(isPinned ? 'stage:unpin' : 'stage:pin'),
      icon: isPinned ? PinOff : Pin,
      testId: 'tile-pin',
      run: () => stage.togglePin(tile.key),
    });
  if (fullScreen.isPossible)
    items.push({
      label: t(isAlone ? 'stage:leaveFullScreen' : 'stage:fullScreen'),
      icon: isAlone ? Minimize : Maximize,
      testId: 'tile-full-screen',
      run: () => void fullScreen.toggle(tile.key),
    });
  if (pictureInPicture.canShowVideo && tile.picture)
    items.push({
      label: t('stage:pictureInPicture'),
      icon: PictureInPicture2,
      testId: 'tile-picture-in-picture',
      run: () => void pictureInPicture.showVideo(videoOf(tile)),
    });
  const person = useFirstOf(people.list, tile.identity);
  useStore(moderation.view);
  if (person) items.push(...commandsFor(moderation, person));
  return (
    <Menu
      label={t('stage:optionsFor', { label: labelOf(tile) })}
      testId="tile-menu"
      items={items}
      at={at}
      align="end"
      onClose={onClose}
    />
  );
}
