// Tells those who do not see the stage what changes on it: screens that are shared, and what is pinned.
import type { CallView } from '../call/call';
import type { Tile } from '../call/tiles';
import { t } from '../i18n/i18n';
import type { Readable } from '../state/store';
import { labelOf } from './labels';
import type { StageView } from './stage-state';

export function announceStage(
  call: Readable<CallView>,
  stage: Readable<StageView>,
  announce: (text: string) => void,
): void {
  const tilesNow = () => {
    const view = call.get();
    return view.room === null ? [] : view.tiles;
  };
  let screens = new Map<string, Tile>();
  call.subscribe(() => {
    const now = new Map(tilesNow().flatMap((tile) => (isOthersScreen(tile) ? [[tile.key, tile] as const] : [])));
    for (const [key, { name }] of now) if (!screens.has(key)) announce(t('stage:shares', { name }));
    const hasLeft = call.get().room === null;
    for (const [key, { name }] of screens) if (!now.has(key) && !hasLeft) announce(t('stage:sharesNoLonger', { name }));
    screens = now;
  });
  let pinned: string | null = null;
  stage.subscribe(() => {
    const before = pinned;
    pinned = stage.get().pinned;
    if (before === pinned) return;
    const tile = tilesNow().find(({ key }) => key === (pinned ?? before));
    if (tile) announce(t(pinned === null ? 'stage:isPinnedNoLonger' : 'stage:isPinned', { label: labelOf(tile) }));
  });
}

function isOthersScreen({ source, isLocal }: Tile): boolean {
  return source === 'screen_share' && !isLocal;
}
