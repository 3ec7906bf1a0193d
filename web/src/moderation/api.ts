// What moderators ask of the server; see docs/moderation.md. The token tells who wants it.
import { ApiError, bearer, request } from '../rooms/api';

export const SETTINGS = ['locked', 'waitingRoom', 'mayUnmute', 'mayShareScreen', 'listed', 'showPeople'] as const;
export type Setting = (typeof SETTINGS)[number];
export type Settings = Record<Setting, boolean>;

export type Source = 'microphone' | 'camera' | 'screen_share';

export interface WaitingPerson {
  id: string;
  name: string;
}

export interface RoomState {
  settings: Settings;
  waiting: readonly WaitingPerson[];
}

export type Command = 'mute' | 'ask-to-unmute' | 'remove' | 'moderators' | 'admit' | 'refuse';

export interface ModerationApi {
  state(room: string, token: string): Promise<RoomState>;
  set(room: string, token: string, changes: Partial<Settings>): Promise<RoomState>;
  command(room: string, token: string, command: Command, body: Record<string, unknown>): Promise<void>;
  end(room: string, token: string): Promise<void>;
}

export function moderationApi(base: string = document.baseURI): ModerationApi {
  const send = async (method: string, token: string, room: string, command = '', body?: unknown): Promise<unknown> => {
    const url = new URL(`api/video/rooms/${encodeURIComponent(room)}${command}`, base);
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await request(url, { method, headers: bearer(token), ...content });
    return answer.body;
  };
  return {
    state: async (room, token) => parseState(await send('GET', token, room)),
    set: async (room, token, changes) => parseState(await send('PATCH', token, room, '', changes)),
    async command(room, token, command, body) {
      await send('POST', token, room, `/${command}`, body);
    },
    async end(room, token) {
      await send('DELETE', token, room);
    },
  };
}

function parseState(body: unknown): RoomState {
  const values = (body ?? {}) as Record<string, unknown>;
  const { waiting = [] } = values;
  if (SETTINGS.some((name) => typeof values[name] !== 'boolean') || !Array.isArray(waiting)) {
    throw new ApiError('The server said of the room what is none of a room.', 200, 'unexpected_answer');
  }
  const settings = Object.fromEntries(SETTINGS.map((name) => [name, values[name]])) as Settings;
  return { settings, waiting: waiting.map(parseWaiting) };
}

function parseWaiting(value: unknown): WaitingPerson {
  const { id, name } = (value ?? {}) as Record<string, unknown>;
  if (typeof id !== 'string' || typeof name !== 'string') {
    throw new ApiError('The server said of who waits what cannot be.', 200, 'unexpected_answer');
  }
  return { id, name };
}
