// Something that goes on in a room beside sound and pictures: chat, hands, reactions, captions. It follows the connection of each
// session, and lives longer than one: what was said stays while a lost connection is made anew.
import type { Room } from 'livekit-client';

export interface Feature {
  /** Before connecting, so that nothing is missed. Returns what ends it. */
  attach(room: Room): () => void;
  /** The room is entered, with this token. */
  entered?(token: string): void;
  /** The person has left the room: nothing of it is kept. */
  reset(): void;
}
