// What menus and keys do to the view of a call.
import type { Tile } from '../call/tiles';
import type { CallServices } from '../call/services';
import { leadingTile } from './arrangement';

export type ViewCommand = 'layout' | 'full-screen' | 'picture-in-picture' | 'connection';

type Parts = Pick<CallServices, 'stage' | 'fullScreen' | 'pictureInPicture' | 'connection'>;

export function viewCommands(parts: Parts): Record<ViewCommand, () => void> {
  const { stage, fullScreen, pictureInPicture, connection } = parts;
  return {
    layout: () => stage.choose(stage.view.get().choice === 'grid' ? 'speaker' : 'grid'),
    'full-screen': () => {
      if (!fullScreen.isPossible) return;
      void (fullScreen.view.get().isFull ? fullScreen.leave() : fullScreen.toggle());
    },
    'picture-in-picture': () => {
      if (!pictureInPicture.isPossible) return;
      void pictureInPicture.toggle(() => videoOf(leadingTile(stage.view.get().arrangement)));
    },
    connection: () => connection.isOpen.set(!connection.isOpen.get()),
  };
}

/** The element that shows a tile's picture on this page. */
export function videoOf(tile: Tile | undefined): HTMLVideoElement | null {
  const tiles = [...document.querySelectorAll<HTMLElement>('.tile')];
  return tiles.find(({ dataset }) => dataset['key'] === tile?.key)?.querySelector('video') ?? null;
}
