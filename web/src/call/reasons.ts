// Why a call ended or could not begin, in plain sentences, and whether to try again by itself.
import { ConnectionError, ConnectionErrorReason, DisconnectReason } from 'livekit-client';
import { ApiError } from '../rooms/api';

export type Ending = { again: true } | { again: false; text: string };

/** What to do when a connection that was there is gone. */
export function endingOf(reason: DisconnectReason | undefined): Ending {
  switch (reason) {
    case DisconnectReason.SERVER_SHUTDOWN:
      return over('The server has shut down, so the call has ended. Join again when it is back.');
    case DisconnectReason.DUPLICATE_IDENTITY:
      return over('You have joined this room from another tab or device, so the call goes on there.');
    case DisconnectReason.PARTICIPANT_REMOVED:
      return over('You have been removed from the room.');
    case DisconnectReason.ROOM_DELETED:
    case DisconnectReason.ROOM_CLOSED:
      return over('The room has been closed.');
    case DisconnectReason.USER_REJECTED:
    case DisconnectReason.USER_UNAVAILABLE:
      return over('The call was not taken.');
    default:
      return { again: true };
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
  if (error instanceof ConnectionError) {
    switch (error.reason) {
      case ConnectionErrorReason.NotAllowed:
        return { again: false, text: `“${name}” could not be joined: ${sentence(error.message)}` };
      case ConnectionErrorReason.Cancelled:
        return { again: false, text: `Joining “${name}” was interrupted.` };
      default:
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
