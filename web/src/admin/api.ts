// The server's `/api/admin`, as values. What went wrong comes as an `ApiError`.
import { ask, bearer } from '../rooms/api';

export interface Overview {
  version: string;
  startedAt: number;
  uptime: number;
  /** In cores, as `workers`. */
  cpu: number;
  workers: number[];
  cores: number;
  memory: number;
  bitrateIn: number | null;
  bitrateOut: number | null;
  packetsIn: number | null;
  packetsOut: number | null;
  packetsDropped: number | null;
  rooms: number;
  people: number;
  hasHistory: boolean;
  /** Whether anybody counts what flows: in front of a cluster nobody does, and figures are null. */
  hasFigures: boolean;
}

export interface RoomLine {
  sid: string;
  name: string;
  startedAt: number;
  maxParticipants: number;
  people: number;
  participants: number;
  tracks: number;
  bitrateIn: number | null;
  bitrateOut: number | null;
  lossIn: number | null;
  lossOut: number | null;
}

export interface TrackLine {
  sid: string;
  kind: string;
  source: string;
  name: string;
  mimeType: string;
  isMuted: boolean;
  bitrateIn: number | null;
  lossIn: number | null;
  subscribers: number | null;
  bitrateOut: number | null;
  lossOut: number | null;
}

export interface PersonLine {
  sid: string;
  identity: string;
  name: string;
  kind: string;
  state: string;
  isHidden: boolean;
  joinedAt: number;
  client: string;
  bitrateIn: number | null;
  bitrateOut: number | null;
  lossIn: number | null;
  lossOut: number | null;
  rtt: number | null;
  estimate: number | null;
  tracks: TrackLine[];
}

export type RoomDetail = Omit<RoomLine, 'people'> & { people: PersonLine[] };

export type HistoryKind = 'rooms' | 'sessions' | 'tracks';

/** A row of the history: what there is of it depends on the kind. Times are ms since the epoch. */
export interface HistoryRow {
  sid: string;
  name: string;
  startedAt: number;
  endedAt: number | null;
  endReason: string | null;
  people?: number;
  roomName?: string | null;
  identity?: string | null;
  participantName?: string | null;
  kind?: string;
  source?: string;
  mimeType?: string;
  bytesIn?: number | null;
  bytesOut?: number | null;
  bytes?: number | null;
  lost?: number | null;
  packets?: number | null;
}

export interface HistoryPage {
  rows: HistoryRow[];
  total: number;
}

export interface HistoryQuery {
  kind: HistoryKind;
  room: string;
  person: string;
  since: number | null;
  until: number | null;
}

export class AdminApi {
  readonly #base: string;
  #token = '';

  /** `base` ends with a slash. */
  constructor(base: string) {
    this.#base = base;
  }

  /** From now on this is sent. */
  use(token: string): void {
    this.#token = token;
  }

  overview(): Promise<Overview> {
    return this.#json<Overview>('overview');
  }

  rooms(): Promise<RoomLine[]> {
    return this.#json<RoomLine[]>('rooms');
  }

  room(name: string): Promise<RoomDetail> {
    return this.#json<RoomDetail>(`rooms/${encodeURIComponent(name)}`);
  }

  async endRoom(room: string): Promise<void> {
    await this.#post(room, 'end', {});
  }

  async remove(room: string, identity: string): Promise<void> {
    await this.#post(room, 'remove', { identity });
  }

  async mute(room: string, identity: string, track: string): Promise<void> {
    await this.#post(room, 'mute', { identity, track });
  }

  history(query: HistoryQuery, limit: number, offset: number): Promise<HistoryPage> {
    const more = new URLSearchParams({ limit: String(limit), offset: String(offset) });
    return this.#json<HistoryPage>(`history/${query.kind}?${String(parametersOf(query))}&${String(more)}`);
  }

  /** All that the query finds, as a file. */
  async csv(query: HistoryQuery): Promise<Blob> {
    return (await this.#ask(`history/${query.kind}.csv?${String(parametersOf(query))}`)).blob();
  }

  async #post(room: string, action: string, body: object): Promise<void> {
    const headers = { 'Content-Type': 'application/json' };
    await this.#ask(`rooms/${encodeURIComponent(room)}/${action}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
  }

  async #json<T>(path: string): Promise<T> {
    return (await (await this.#ask(path)).json()) as T;
  }

  #ask(path: string, { headers, ...init }: Sent = {}): Promise<Response> {
    return ask(new URL(this.#base + path), { ...init, headers: { ...headers, ...bearer(this.#token) } });
  }
}

type Sent = Pick<RequestInit, 'method' | 'body'> & { headers?: Record<string, string> };

function parametersOf({ room, person, since, until }: HistoryQuery): URLSearchParams {
  const asked = new URLSearchParams();
  if (room !== '') asked.set('room', room);
  if (person !== '') asked.set('person', person);
  if (since !== null) asked.set('since', String(since));
  if (until !== null) asked.set('until', String(until));
  return asked;
}
