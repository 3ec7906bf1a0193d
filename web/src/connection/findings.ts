// What is wrong with a connection, in plain sentences, the worst first; nothing if nothing is. No figures are in them: a screen reader
// says a sentence again when it changes, and figures change each second.
import type { Tile } from '../call/tiles';
import { list } from '../i18n/format';
import { t } from '../i18n/i18n';
import type { Figures } from './figures';

export interface Finding {
  tone: 'bad' | 'warning' | 'info';
  text: string;
}

export interface Situation {
  connection: 'joining' | 'connected' | 'reconnecting';
  tiles: readonly Pick<Tile, 'identity' | 'name' | 'source' | 'isLocal' | 'isPaused' | 'quality'>[];
  figures: Figures | null;
  /** The page itself does not send the camera's picture, so that the voice gets through. */
  isVideoPaused?: boolean;
}

/** From where on loss is heard, and a delay felt. */
const HEARD_LOSS = 0.03;
const FELT_DELAY = 350;
/** Looks, one a second: streams take some seconds to grow to their size. */
const SETTLED = 6;
const NAMED = 3;

export function findingsOf({ connection, tiles, figures, isVideoPaused = false }: Situation): Finding[] {
  if (connection === 'reconnecting') return [{ tone: 'bad', text: t('connection:found.lost') }];
  return [...ofUpload(figures, isVideoPaused), ...ofDownload(tiles, figures), ...ofOthers(tiles), ...ofTheWay(figures)];
}

function ofUpload(figures: Figures | null, isVideoPaused: boolean): Finding[] {
  const found: Finding[] = [];
  if (isVideoPaused) found.push({ tone: 'bad', text: t('connection:found.stopped.video') });
  if (!figures) return found;
  for (const { source, isStopped, limit, limitedFor } of figures.sent) {
    const what = source === 'screen_share' ? 'screen' : 'video';
    if (limitedFor < SETTLED || (isVideoPaused && source === 'camera')) continue;
    if (limit === 'cpu') found.push({ tone: 'warning', text: t(`connection:found.cpu.${what}`) });
    else if (isStopped) found.push({ tone: 'bad', text: t(`connection:found.stopped.${what}`) });
    else if (limit === 'bandwidth') found.push({ tone: 'warning', text: t(`connection:found.bandwidth.${what}`) });
  }
  if (figures.up.loss > HEARD_LOSS) found.push({ tone: 'warning', text: t('connection:found.uploadLoss') });
  return found;
}

function ofDownload(tiles: Situation['tiles'], figures: Figures | null): Finding[] {
  const found: Finding[] = [];
  const paused = tiles.filter(({ isLocal, isPaused }) => !isLocal && isPaused);
  if (paused.length > 0) {
    const pictures = paused.map(({ name, source }) =>
      t(source === 'screen_share' ? 'connection:screenOf' : 'connection:videoOf', { name }),
    );
    const whose = listed(pictures, (count) => t('connection:otherPictures', { count }));
    found.push({ tone: 'bad', text: t('connection:found.paused', { count: paused.length, whose }) });
  }
  if (figures && figures.down.loss > HEARD_LOSS)
    found.push({ tone: 'warning', text: t('connection:found.downloadLoss') });
  return found;
}

function ofOthers(tiles: Situation['tiles']): Finding[] {
  const others = tiles.filter(({ isLocal, source }) => !isLocal && source === 'camera');
  return (['lost', 'poor'] as const).flatMap((quality) => {
    const whose = others.filter((tile) => tile.quality === quality).map(({ name }) => name);
    if (whose.length === 0) return [];
    const names = listed(whose, (count) => t('connection:otherPeople', { count }));
    return [{ tone: 'info' as const, text: t(`connection:found.others.${quality}`, { count: whose.length, names }) }];
  });
}

function ofTheWay(figures: Figures | null): Finding[] {
  const found: Finding[] = [];
  const way = figures?.transport ?? 'udp';
  if (way !== 'udp') found.push({ tone: 'info', text: t(`connection:found.way.${way}`) });
  if ((figures?.roundTrip ?? 0) > FELT_DELAY) found.push({ tone: 'warning', text: t('connection:found.delay') });
  return found;
}

/** "A, B and C", or "A, B and 5 other pictures". */
function listed(items: readonly string[], others: (count: number) => string): string {
  if (items.length <= NAMED) return list(items);
  return list([...items.slice(0, NAMED - 1), others(items.length - NAMED + 1)]);
}
