// Why a call ended or could not begin, in plain sentences, and whether to try again by itself. Home says them, too, so they need no client
// library: `Session` turns its errors into these.
import type { DisconnectReason } from 'livekit-client';
import { ApiError } from '../rooms/api';

/** By the names of LiveKit's reasons. */
export type EndReason = keyof typeof DisconnectReason;

export type Ending = { again: true } | { again: false; text: string };

/** What to do when a connection that was there is gone. */
export function endingOf(reason: EndReason | undefined): Ending {
  switch (reason) {
    case 'SERVER_SHUTDOWN':
      return over('The server has shut down, so the call has ended. Join again when it is back.');
    case 'DUPLICATE_IDENTITY':
      return over('You have joined this room from another tab or device, so the call goes on there.');
    case 'PARTICIPANT_REMOVED':
      return over('You have been removed from the room.');
    case 'ROOM_DELETED':
    case 'ROOM_CLOSED':
      return over('The room has been closed.');
    case 'USER_REJECTED':
    case 'USER_UNAVAILABLE':
      return over('The call was not taken.');
    default:
      return { again: true };
  }
}

/** The connection to the room's media server was not made. */
export class ConnectFailure extends Error {
  constructor(
    readonly why: 'refused' | 'cancelled' | 'unreachable',
    message: string,
  ) {
    super(message);
    this.name = 'ConnectFailure';
  }
}

/** The part of the page that carries calls could not be fetched. */
export class NotLoaded extends Error {
  constructor(cause: unknown) {
    super('the part of the page that carries calls could not be fetched', { cause });
    this.name = 'NotLoaded';
  }
}

/** Why joining failed; `again` if the same try may well succeed later. */
export function failureOf(error: unknown, room: string): { again: boolean; text: string } {
  const name = shorten(room);
  if (error instanceof ApiError) {
    return {
      again: error.status === null || error.status >= 500,
      text: `“${name}” could not be joined: ${sentence(error.message)}`,
    };
  }
  if (error instanceof NotLoaded) {
    return {
      again: true,
      text: `“${name}” could not be joined: the part of this page that carries calls could not be fetched. Check the network, then try again.`,
    };
  }
  if (error instanceof ConnectFailure) {
    switch (error.why) {
      case 'refused':
        return { again: false, text: `“${name}” could not be joined: ${sentence(error.message)}` };
      case 'cancelled':
        return { again: false, text: `Joining “${name}” was interrupted.` };
      case 'unreachable':
        return {
          again: true,
          text: `“${name}” could not be joined: the media server cannot be reached from here. Check the network, or a firewall that blocks WebSockets or UDP.`,
        };
    }
  }
  return {
    again: true,
    text: `“${name}” could not be joined: ${sentence(error instanceof Error ? error.message : String(error))}`,
  };
}

function over(text: string): Ending {
  return { again: false, text };
}

/** Room names reach 255 characters, and links may hold any nonsense. */
export function shorten(text: string, length = 40): string {
  const characters = Array.from(text);
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}

function sentence(text: string): string {
  const trimmed = text.trim();
  return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
