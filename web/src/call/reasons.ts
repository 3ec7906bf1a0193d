// Why a call ended or could not begin, in plain sentences, and whether to try again by itself. Home says them, too, so they need no client
// library: `Session` turns its errors into these.
import type { DisconnectReason } from 'livekit-client';
import { CannotEncrypt } from '../encryption/key';
import { t } from '../i18n/i18n';
import { ApiError } from '../rooms/api';
import { sayError } from '../rooms/errors';

/** By the names of LiveKit's reasons. */
export type EndReason = keyof typeof DisconnectReason;

export type Ending = { again: true } | { again: false; text: string };

/** What to do when a connection that was there is gone. */
export function endingOf(reason: EndReason | undefined): Ending {
  switch (reason) {
    case 'SERVER_SHUTDOWN':
      return over(t('call:end.shutdown'));
    case 'DUPLICATE_IDENTITY':
      return over(t('call:end.duplicate'));
    case 'PARTICIPANT_REMOVED':
      return over(t('call:end.removed'));
    case 'ROOM_DELETED':
    case 'ROOM_CLOSED':
      return over(t('call:end.closed'));
    case 'USER_REJECTED':
    case 'USER_UNAVAILABLE':
      return over(t('call:end.notTaken'));
    default:
      return { again: true };
  }
}

/** The connection to the room's media server was not made. */
export class ConnectFailure extends Error {
  constructor(
    readonly why: 'refused' | 'cancelled' | 'unreachable',
    message: string,
    /** What the server calls it (`errors.py`), where it refuses and tells. */
    readonly kind: string | null = null,
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
  const failed = (again: boolean, why: string) => ({ again, text: t('call:notJoined', { room: name, why }) });
  if (error instanceof CannotEncrypt) return failed(false, error.message);
  if (error instanceof ApiError) return failed(error.status === null || error.status >= 500, sentence(sayError(error)));
  if (error instanceof NotLoaded) return failed(true, t('call:notLoaded'));
  if (error instanceof ConnectFailure) {
    switch (error.why) {
      case 'refused':
        return failed(false, sentence(sayError(error)));
      case 'cancelled':
        return { again: false, text: t('call:interrupted', { room: name }) };
      case 'unreachable':
        return failed(true, t('call:unreachable'));
    }
  }
  return failed(true, sentence(error instanceof Error ? error.message : String(error)));
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
