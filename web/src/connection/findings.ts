// What is wrong with a connection, in plain sentences, the worst first; nothing if nothing is. No figures are in them: a screen reader
// says a sentence again when it changes, and figures change each second.
import type { Tile } from '../call/tiles';
import type { Figures, Transport } from './figures';

export interface Finding {
  tone: 'bad' | 'warning' | 'info';
  text: string;
}

export interface Situation {
  connection: 'joining' | 'connected' | 'reconnecting';
  tiles: readonly Pick<Tile, 'identity' | 'name' | 'source' | 'isLocal' | 'isPaused' | 'quality'>[];
  figures: Figures | null;
}

/** From where on loss is heard, and a delay felt. */
const HEARD_LOSS = 0.03;
const FELT_DELAY = 350;
/** Looks, one a second: streams take some seconds to grow to their size. */
const SETTLED = 6;
const NAMED = 3;

export function findingsOf({ connection, tiles, figures }: Situation): Finding[] {
  if (connection === 'reconnecting')
    return [{ tone: 'bad', text: 'The connection to the server is lost. It is being made again.' }];
  return [...ofUpload(figures), ...ofDownload(tiles, figures), ...ofOthers(tiles), ...ofTheWay(figures)];
}

function ofUpload(figures: Figures | null): Finding[] {
  if (!figures) return [];
  const found: Finding[] = [];
  for (const { source, isStopped, limit, limitedFor } of figures.sent) {
    const what = source === 'screen_share' ? 'the screen you share' : 'your video';
    if (limitedFor < SETTLED) continue;
    if (limit === 'cpu')
      found.push({ tone: 'warning', text: `This device is busy: ${what} is sent smaller than it could be.` });
    else if (isStopped) found.push({ tone: 'bad', text: `Your upload is weak: ${what} is paused.` });
    else if (limit === 'bandwidth')
      found.push({ tone: 'warning', text: `Your upload is weak: ${what} is sent smaller than it could be.` });
  }
  if (figures.up.loss > HEARD_LOSS)
    found.push({ tone: 'warning', text: 'Your upload loses packets: others may hear you broken up.' });
  return found;
}

function ofDownload(tiles: Situation['tiles'], figures: Figures | null): Finding[] {
  const found: Finding[] = [];
  const paused = tiles.filter(({ isLocal, isPaused }) => !isLocal && isPaused);
  if (paused.length > 0) {
    const whose = paused.map(({ name, source }) => `${name}’s ${source === 'screen_share' ? 'screen' : 'video'}`);
    const text = `Your download is weak: ${listed(whose, 'pictures')} ${paused.length === 1 ? 'is' : 'are'} paused.`;
    found.push({ tone: 'bad', text });
  }
  if (figures && figures.down.loss > HEARD_LOSS)
    found.push({ tone: 'warning', text: 'Your download loses packets: sound and pictures may break up.' });
  return found;
}

function ofOthers(tiles: Situation['tiles']): Finding[] {
  const others = tiles.filter(({ isLocal, source }) => !isLocal && source === 'camera');
  return (['lost', 'poor'] as const).flatMap((quality) => {
    const names = others.filter((tile) => tile.quality === quality).map(({ name }) => `${name}’s`);
    if (names.length === 0) return [];
    const [word, is] = names.length === 1 ? ['connection', 'is'] : ['connections', 'are'];
    return [{ tone: 'info' as const, text: `${listed(names, 'people’s')} ${word} ${is} ${quality}.` }];
  });
}

const WAYS: Partial<Record<Transport, string>> = {
  tcp: 'You are connected over TCP: this network seems to block UDP. Sound and pictures may stutter when it is busy.',
  'relay-udp': 'You are connected through a relay (TURN): a direct way to the server was not found.',
  'relay-tcp': 'You are connected through a relay over TCP: this network seems to block UDP. The call may stutter.',
  'relay-tls':
    'You are connected through a relay over TLS: this network lets little else through. The call may stutter.',
};

function ofTheWay(figures: Figures | null): Finding[] {
  const found: Finding[] = [];
  const way = figures?.transport && WAYS[figures.transport];
  if (way) found.push({ tone: 'info', text: way });
  if ((figures?.roundTrip ?? 0) > FELT_DELAY)
    found.push({ tone: 'warning', text: 'The way to the server is long: you and others hear each other late.' });
  return found;
}

/** "A, B and C", or "A, B and 5 other pictures". */
function listed(items: readonly string[], what: string): string {
  const [last, ...others] =
    items.length > NAMED
      ? [`${items.length - NAMED + 1} other ${what}`, ...items.slice(0, NAMED - 1)]
      : [items.at(-1) ?? '', ...items.slice(0, -1)];
  return others.length === 0 ? last : `${others.join(', ')} and ${last}`;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)}%`;
}
