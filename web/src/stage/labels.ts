// What a tile is called: on its plate, in tips, and to screen readers.
import type { Tile } from '../call/tiles';
import { t } from '../i18n/i18n';

export function labelOf({ name, source, isLocal }: Pick<Tile, 'name' | 'source' | 'isLocal'>): string {
  if (source === 'screen_share') return isLocal ? t('stage:yourScreen') : t('stage:screenOf', { name });
  return isLocal ? t('stage:you', { name }) : name;
}
