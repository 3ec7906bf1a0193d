// The figures behind a connection: what WebRTC counted between two looks, as rates, and whose the streams are. Pure arithmetic.

/** One entry of an `RTCStatsReport`, as far as it is used here; all else of it is left alone. */
export interface Entry {
  id: string;
  type: string;
  timestamp: number;
  [name: string]: unknown;
}

export interface SentTrack {
  source: string;
  /** The ids of the entries that count it: one for each size it is sent in. */
  streams: readonly string[];
}

export interface ReceivedTrack {
  /** As the browser names it, and so do its statistics. */
  id: string;
  identity: string;
  source: string;
}

export interface Sample {
  publisher: readonly Entry[];
  subscriber: readonly Entry[];
  sent: readonly SentTrack[];
  received: readonly ReceivedTrack[];
}

export type Transport = 'udp' | 'tcp' | 'relay-udp' | 'relay-tcp' | 'relay-tls';

export interface Stream {
  source: string;
  kind: 'audio' | 'video';
  /** As people say it: `VP8`, `opus`; empty if nothing has been sent yet. */
  codec: string;
  /** Bits a second. */
  bitrate: number;
  /** The share of packets that were lost, 0 to 1. */
  loss: number;
  width: number;
  height: number;
  framesPerSecond: number;
}

export interface ReceivedStream extends Stream {
  identity: string;
}

export interface SentStream extends Stream {
  /** Why the picture is smaller than the camera's, if it is. */
  limit: 'none' | 'bandwidth' | 'cpu';
  /** For so many looks in a row. Every stream begins small, so one look says nothing. */
  limitedFor: number;
  /** The rate that the browser aims at, bits a second; null: it does not say. */
  target: number | null;
  /** Nothing leaves although something should. */
  isStopped: boolean;
}

export interface Figures {
  transport: Transport | null;
  /** To the server and back, in milliseconds. */
  roundTrip: number | null;
  up: { bitrate: number; loss: number };
  down: { bitrate: number; loss: number };
  sent: readonly SentStream[];
  received: readonly ReceivedStream[];
}

/** The figures of now; rates are 0 without a sample before. `last` is what this answered for that one. */
export function figuresOf(now: Sample, before: Sample | null, last: Figures | null): Figures {
  const up = new Look(now.publisher, before?.publisher ?? []);
  const down = new Look(now.subscriber, before?.subscriber ?? []);
  const sent = now.sent.flatMap((track) => {
    const entries = track.streams.flatMap((id) => up.get(id) ?? []);
    return entries.length > 0 ? [sentStream(up, track.source, entries, last)] : [];
  });
  const byTrack = new Map(down.ofType('inbound-rtp').map((entry) => [entry['trackIdentifier'], entry]));
  const received = now.received.flatMap(({ id, identity, source }) => {
    const entry = byTrack.get(id);
    return entry ? [{ ...receivedStream(down, source, entry), identity }] : [];
  });
  const reports = up.ofType('remote-inbound-rtp');
  return {
    transport: down.transport() ?? up.transport(),
    roundTrip: down.roundTrip() ?? up.roundTrip(),
    up: { bitrate: total(sent), loss: Math.max(0, ...reports.map((report) => lossOf(up, report, 'packetsSent'))) },
    down: { bitrate: total(received), loss: lossOfAll(down) },
    sent,
    received,
  };
}

/** Two looks at one connection. */
class Look {
  readonly #now: ReadonlyMap<string, Entry>;
  readonly #before: ReadonlyMap<string, Entry>;

  constructor(now: readonly Entry[], before: readonly Entry[]) {
    this.#now = new Map(now.map((entry) => [entry.id, entry]));
    this.#before = new Map(before.map((entry) => [entry.id, entry]));
  }

  ofType(type: string): Entry[] {
    return [...this.#now.values()].filter((entry) => entry.type === type);
  }

  get(id: unknown): Entry | undefined {
    return typeof id === 'string' ? this.#now.get(id) : undefined;
  }

  /** By how much a counter grew; 0 if it is new, or began anew. */
  growth(entry: Entry, name: string): number {
    const before = this.#before.get(entry.id);
    return before ? Math.max(0, number(entry[name]) - number(before[name])) : 0;
  }

  perSecond(entry: Entry, name: string): number {
    const seconds = this.growth(entry, 'timestamp') / 1000;
    return seconds > 0 ? this.growth(entry, name) / seconds : 0;
  }

  roundTrip(): number | null {
    const seconds = this.#pair()?.['currentRoundTripTime'];
    return typeof seconds === 'number' ? seconds * 1000 : null;
  }

  transport(): Transport | null {
    const local = this.get(this.#pair()?.['localCandidateId']);
    if (!local) return null;
    const isTcp = local['protocol'] === 'tcp';
    if (local['candidateType'] !== 'relay') return isTcp ? 'tcp' : 'udp';
    const relay = local['relayProtocol'];
    return relay === 'tls' ? 'relay-tls' : relay === 'tcp' ? 'relay-tcp' : 'relay-udp';
  }

  #pair(): Entry | undefined {
    const named = this.ofType('transport').map((transport) => this.get(transport['selectedCandidatePairId']));
    // Firefox before 142 tells of no transport, but marks the pair.
    return named.find(Boolean) ?? this.ofType('candidate-pair').find((pair) => pair['selected'] === true);
  }
}

function sentStream(look: Look, source: string, entries: readonly Entry[], last: Figures | null): SentStream {
  const flowing = entries.filter((entry) => look.growth(entry, 'bytesSent') > 0);
  const largest = flowing.toSorted((a, b) => number(b['frameWidth']) - number(a['frameWidth']))[0];
  const wanted = entries.filter((entry) => entry['active'] !== false);
  const limits = wanted.map((entry) => entry['qualityLimitationReason']);
  const limit = limits.includes('cpu') ? 'cpu' : limits.includes('bandwidth') ? 'bandwidth' : 'none';
  const before = last?.sent.find((stream) => stream.source === source);
  const reports = look.ofType('remote-inbound-rtp').filter(({ localId }) => entries.some(({ id }) => id === localId));
  return {
    ...streamOf(look, source, largest ?? entries[0]),
    bitrate: sum(entries.map((entry) => look.perSecond(entry, 'bytesSent'))) * 8,
    loss: Math.max(0, ...reports.map((report) => lossOf(look, report, 'packetsSent'))),
    limit,
    target: targetOf(wanted),
    limitedFor: limit === 'none' ? 0 : before?.limit === limit ? before.limitedFor + 1 : 1,
    isStopped: before !== undefined && wanted.length > 0 && flowing.length === 0,
  };
}

function receivedStream(look: Look, source: string, entry: Entry): Stream {
  return {
    ...streamOf(look, source, entry),
    bitrate: look.perSecond(entry, 'bytesReceived') * 8,
    loss: share(look.growth(entry, 'packetsLost'), look.growth(entry, 'packetsReceived')),
  };
}

function streamOf(look: Look, source: string, entry: Entry | undefined): Stream {
  const mimeType = look.get(entry?.['codecId'])?.['mimeType'];
  return {
    source,
    kind: entry?.['kind'] === 'video' ? 'video' : 'audio',
    codec: typeof mimeType === 'string' ? (mimeType.split('/')[1] ?? '') : '',
    bitrate: 0,
    loss: 0,
    width: number(entry?.['frameWidth']),
    height: number(entry?.['frameHeight']),
    framesPerSecond: Math.round(number(entry?.['framesPerSecond'])),
  };
}

/** Sizes that do not fit have no target of their own any more. */
function targetOf(wanted: readonly Entry[]): number | null {
  const targets = wanted.flatMap(({ targetBitrate }) => (typeof targetBitrate === 'number' ? [targetBitrate] : []));
  return targets.length > 0 ? sum(targets) : null;
}

/** What the other side reports missing of what one stream sent: of sound it does so every five seconds only. */
function lossOf(look: Look, report: Entry, sent: string): number {
  const { fractionLost } = report;
  if (typeof fractionLost === 'number') return fractionLost;
  const stream = look.get(report['localId']);
  const went = stream ? look.growth(stream, sent) : 0;
  const lost = look.growth(report, 'packetsLost');
  return went > 0 ? Math.min(1, lost / went) : 0;
}

function lossOfAll(look: Look): number {
  const streams = look.ofType('inbound-rtp');
  const lost = sum(streams.map((stream) => look.growth(stream, 'packetsLost')));
  return share(lost, sum(streams.map((stream) => look.growth(stream, 'packetsReceived'))));
}

const share = (lost: number, came: number): number => (lost + came > 0 ? lost / (lost + came) : 0);
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const total = (streams: readonly Stream[]): number => sum(streams.map(({ bitrate }) => bitrate));
const number = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
