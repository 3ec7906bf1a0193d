// What the server refuses, in the language of the page. The server's own words are English: they stand in where a kind has no sentence.
import { t } from '../i18n/i18n';
import type english from '../i18n/locales/en/rooms.json';
import type { ApiError } from './api';

type Kind = keyof typeof english extends infer Key ? (Key extends `error.${infer Name}` ? Name : never) : never;

/** `Record`, so that the compiler asks for each kind that the texts have. */
const KINDS: Record<Kind, true> = {
  no_answer: true,
  unexpected_answer: true,
  no_token: true,
  invalid_token: true,
  not_permitted: true,
  invalid_identity: true,
  invalid_room_name: true,
  wrong_room: true,
  not_in_room: true,
  room_full: true,
  server_stopping: true,
  cluster_unreachable: true,
  redis_unreachable: true,
  too_many_requests: true,
  room_not_found: true,
  track_not_found: true,
  room_locked: true,
  room_exists: true,
  no_such_person: true,
  must_knock: true,
  refused: true,
  removed: true,
  identity_taken: true,
  not_a_moderator: true,
};

export function sayError({ kind, message }: Pick<ApiError, 'kind' | 'message'>): string {
  return kind !== null && isKnown(kind) ? t(`rooms:error.${kind}`) : message;
}

function isKnown(kind: string): kind is Kind {
  return Object.hasOwn(KINDS, kind);
}
