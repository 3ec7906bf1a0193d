// The server's HTTP interface, parsed at the border. Addresses are relative to the page's base.
import { storageOf } from '../state/storage';

export interface Person {
  identity: string;
  name: string;
}

export interface RoomSummary {
  name: string;
  participantCount: number;
  maxParticipants: number;
  /** The names of those inside, or of the first of them; none where the room does not show them. */
  people: readonly string[];
  isLocked: boolean;
  /** Who comes has to knock. */
  hasWaitingRoom: boolean;
}

/** What a room is like that is made by hand. */
export interface RoomOptions {
  listed: boolean;
  showPeople: boolean;
  waitingRoom: boolean;
}

export interface SaidMessage {
  id: string;
  identity: string;
  name: string;
  text: string;
  attributes: Record<string, string>;
  secondsAgo: number;
}

export interface Ticket {
  token: string;
  url: string;
  identity: string;
}

/** A refusal by the server, or no answer. The message is for people, in English; `errors` says it in the language of the page. */
export class ApiError extends Error {
  constructor(
    message: string,
    /** The HTTP status, or null when there was no answer. */
    readonly status: number | null,
    /** The kind that the server calls it (`errors.py`), or one of the page's own: `no_answer`, `unexpected_answer`. */
    readonly kind: string | null = null,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

export interface VideoApi {
  rooms(): Promise<RoomSummary[]>;
  /** What one person needs to join one room. */
  ticket(person: Person, room: string): Promise<Ticket>;
  /** The same, where one has to be let in: asks until a moderator has decided. */
  knock(person: Person, room: string, signal: AbortSignal): Promise<Ticket>;
  /** The same, for who holds a token that names no room. */
  wait(token: string, room: string, signal: AbortSignal): Promise<Ticket>;
  /** The token for a room, for who holds one that names none. */
  exchange(token: string, room: string): Promise<Ticket>;
  /** Makes a room, as its maker; null where that is left to joining. */
  create(person: Person, room: string, options: RoomOptions): Promise<Ticket | null>;
  /** What was said in a room before, for who is inside with this token. */
  chat(room: string, token: string): Promise<SaidMessage[]>;
}

const TOKEN_KEY = 'visavis.token';
/** So often in a row a question whether one may come in may get no answer. */
const MOST_FAILURES = 5;

export function videoApi(
  base: string = document.baseURI,
  session: Storage | null = storageOf('sessionStorage'),
): VideoApi {
  // Anybody can claim an identity; with the token of before, the server knows that this is the same page, after a reload too.
  const former = (): Record<string, string> => {
    const token = session?.getItem(TOKEN_KEY) ?? null;
    return token === null ? {} : bearer(token);
  };
  const kept = (ticket: Ticket): Ticket => {
    session?.setItem(TOKEN_KEY, ticket.token);
    return ticket;
  };
  const newTicket = async (query: Record<string, string>): Promise<Ticket> => {
    const url = new URL('api/video/token', base);
    url.search = new URLSearchParams(query).toString();
    return kept(parseTicket(await getJson(url, former())));
  };
  return {
    async rooms() {
      const body = await getJson(new URL('api/video/rooms', base));
      if (!Array.isArray(body)) throw unexpected('api/video/rooms', body);
      return body.map(parseRoom);
    },
    ticket: (person, room) => newTicket({ ...person, room }),
    async knock(person, room, signal) {
      const { token } = await newTicket({ ...person });
      return kept(await this.wait(token, room, signal));
    },
    async wait(token, room, signal) {
      const url = new URL(`api/video/rooms/${encodeURIComponent(room)}/wait`, base);
      for (let failures = 0; ;) {
        try {
          const answer = await request(url, { method: 'POST', headers: bearer(token), signal });
          failures = 0;
          // Nobody has decided yet. Who does not ask again at once has gone.
          if (answer.status !== 202) return parseTicket(answer.body);
        } catch (error) {
          const isLost = error instanceof ApiError && error.status === null && !signal.aborted;
          if (!isLost || ++failures > MOST_FAILURES) throw error;
          await new Promise((done) => setTimeout(done, 1_000));
        }
      }
    },
    async exchange(token, room) {
      const url = new URL(`api/video/rooms/${encodeURIComponent(room)}/token`, base);
      const answer = await request(url, { method: 'POST', headers: bearer(token) });
      if (answer.status === 202) throw new ApiError('One has to be let in.', 202, 'must_knock');
      return parseTicket(answer.body);
    },
    async create(person, room, options) {
      const { token } = await newTicket({ ...person });
      try {
        const made = await sendJson(new URL('api/video/rooms', base), { name: room, ...options }, token);
        return kept(parseTicket(made));
      } catch (error) {
        // The server makes rooms on joining only (404, 405), or there is one of that name already: joining does it.
        if (error instanceof ApiError && [404, 405, 409].includes(error.status ?? 0)) return null;
        throw error;
      }
    },
    async chat(room, token) {
      const path = `api/video/rooms/${encodeURIComponent(room)}/chat`;
      const body = await getJson(new URL(path, base), bearer(token));
      const { messages } = (body ?? {}) as Record<string, unknown>;
      if (!Array.isArray(messages)) throw unexpected(path, body);
      return messages.map((message) => parseSaid(path, message));
    },
  };
}

export function bearer(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}

async function getJson(url: URL, headers: Record<string, string> = {}): Promise<unknown> {
  return (await request(url, { headers })).body;
}

async function sendJson(url: URL, body: object, token: string): Promise<unknown> {
  const headers = { 'Content-Type': 'application/json', ...bearer(token) };
  return (await request(url, { headers, method: 'POST', body: JSON.stringify(body) })).body;
}

type Asked = Pick<RequestInit, 'method' | 'body' | 'signal'> & { headers: Record<string, string> };

/** An answer that is none of an error, read as JSON. */
export async function request(url: URL, asked: Asked): Promise<{ status: number; body: unknown }> {
  const response = await ask(url, asked);
  return { status: response.status, body: await readJson(response) };
}

/** An answer that is none of an error. Rejects with `ApiError`. */
export async function ask(url: URL, { headers, ...init }: Asked): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { ...init, headers: { Accept: 'application/json', ...headers }, cache: 'no-store' });
  } catch {
    throw new ApiError('The server does not answer.', null, 'no_answer');
  }
  if (response.ok) return response;
  const body = await readJson(response);
  throw new ApiError(messageOf(body) ?? `The server answered ${response.status}.`, response.status, kindOf(body));
}

function readJson(response: Response): Promise<unknown> {
  return response.json().catch(() => null);
}

function kindOf(body: unknown): string | null {
  const { error } = (body ?? {}) as Record<string, unknown>;
  return typeof error === 'string' ? error : null;
}

function messageOf(body: unknown): string | null {
  if (typeof body !== 'object' || body === null) return null;
  const { message, detail, error } = body as Record<string, unknown>;
  for (const text of [message, detail, error]) if (typeof text === 'string' && text !== '') return text;
  return null;
}

function parseRoom(value: unknown): RoomSummary {
  const { name, participantCount, maxParticipants } = (value ?? {}) as Record<string, unknown>;
  if (typeof name !== 'string' || typeof participantCount !== 'number' || typeof maxParticipants !== 'number') {
    throw unexpected('api/video/rooms', value);
  }
  return { name, participantCount, maxParticipants, ...parseDetails(value as Record<string, unknown>) };
}

/** What older servers do not tell. */
function parseDetails({ people, locked, waitingRoom }: Record<string, unknown>): Omit<RoomSummary, 'name' | Counts> {
  const entries: unknown[] = Array.isArray(people) ? people : [];
  const names = entries.map((person) => ((person ?? {}) as Record<string, unknown>)['name']);
  return {
    people: names.filter((name): name is string => typeof name === 'string' && name !== ''),
    isLocked: locked === true,
    hasWaitingRoom: waitingRoom === true,
  };
}

type Counts = 'participantCount' | 'maxParticipants';

function parseSaid(path: string, value: unknown): SaidMessage {
  const { id, identity, name, text, attributes, secondsAgo } = (value ?? {}) as Record<string, unknown>;
  const isSaid = [id, identity, name, text].every((field) => typeof field === 'string');
  if (!isSaid || typeof secondsAgo !== 'number') throw unexpected(path, value);
  return { id, identity, name, text, attributes: attributes ?? {}, secondsAgo } as SaidMessage;
}

function parseTicket(value: unknown): Ticket {
  const { token, url, identity } = (value ?? {}) as Record<string, unknown>;
  if (typeof token !== 'string' || typeof url !== 'string') throw unexpected('api/video/token', value);
  return { token, url, identity: typeof identity === 'string' ? identity : '' };
}

function unexpected(path: string, value: unknown): ApiError {
  return new ApiError(
    `${path} gave ${JSON.stringify(value).slice(0, 80)}. Is this the Visavis server?`,
    200,
    'unexpected_answer',
  );
}
