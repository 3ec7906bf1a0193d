// One message of the chat as it is shown, and how it travels: a text stream on `lk.chat`, which any LiveKit client can send and read,
// with what only this page knows in the stream's attributes.
import { parseOffer, type FileOffer } from './offer';

export const TOPIC = 'lk.chat';
/** What components sent before there were streams; they send and read it still. */
export const OLD_TOPIC = 'lk-chat-topic';
export const REPLY_TO = 'visavis.reply_to';
export const FILE = 'visavis.file';

/** Characters in a message. What others send may be longer; then it is cut where nobody reads any more. */
export const LONGEST_MESSAGE = 2_000;
export const LONGEST_SHOWN = 10_000;

export interface Message {
  /** Of the list on screen; a message that is sent again keeps it. */
  key: string;
  id: string;
  identity: string;
  name: string;
  isOwn: boolean;
  text: string;
  isCut: boolean;
  /** Milliseconds since the epoch. */
  at: number;
  state: 'sending' | 'sent' | 'failed';
  replyTo: string | null;
  file: FileOffer | null;
}

export interface OldMessage {
  id: string;
  text: string;
}

/** The packet for components that know no streams. They show it; who reads streams knows by the mark that it has it already. */
export function oldPacket(id: string, text: string, at: number): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify({ id, timestamp: at, message: text, ignoreLegacy: true }));
}

/** What an old component says, or null for anything else, and for the copy of a stream. */
export function parseOldPacket(payload: Uint8Array): OldMessage | null {
  try {
    const said = JSON.parse(new TextDecoder().decode(payload)) as Record<string, unknown> | null;
    if (!said || said['ignoreLegacy'] === true) return null;
    const { id, message } = said;
    return typeof id === 'string' && typeof message === 'string' ? { id, text: message } : null;
  } catch {
    return null;
  }
}

/** What the attributes of a stream say of a message. */
export function extrasOf(attributes: Record<string, string> | undefined): Pick<Message, 'replyTo' | 'file'> {
  return { replyTo: attributes?.[REPLY_TO] ?? null, file: parseOffer(attributes?.[FILE]) };
}
