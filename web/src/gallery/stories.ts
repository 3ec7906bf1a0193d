// Every state of a tile, one at a time: what a call shows only when it comes to it.
import type { Tile } from '../call/tiles';
import type { Stranger } from '../encryption/encryption';
import type { Picture } from '../media/picture';
import { faceOf, screenOf } from '../stage/tiles-for-tests';

export interface Story {
  name: string;
  tile: Tile;
  isPinned?: boolean;
  /** The place in line. */
  hand?: number;
  reaction?: string;
  stranger?: Stranger['why'];
  /** The upload does not hold one's own picture. */
  isUploadWeak?: boolean;
}

export function storiesWith(picture: Picture): Story[] {
  const face = (name: string, more: Partial<Tile> = {}) => faceOf(name, { name, picture, ...more });
  return [
    { name: 'camera on', tile: face('Ada Lovelace') },
    { name: 'camera off', tile: face('Bob', { isCameraOff: true, picture: null }) },
    { name: 'microphone off', tile: face('Carol', { isMuted: true }) },
    { name: 'both off', tile: face('Dave', { isMuted: true, isCameraOff: true, picture: null }) },
    { name: 'speaking', tile: face('Eve', { isSpeaking: true }) },
    { name: 'loudest', tile: face('Frank', { isSpeaking: true, isDominant: true }) },
    { name: 'pinned', tile: face('Grace'), isPinned: true },
    { name: 'oneself, mirrored', tile: face('Heidi', { isLocal: true }) },
    { name: 'oneself, not sent for a weak upload', tile: face('Heidi', { isLocal: true }), isUploadWeak: true },
    { name: 'screen', tile: screenOf('Ivan', { name: 'Ivan', picture }) },
    { name: 'screen, pinned', tile: screenOf('Judy', { name: 'Judy', picture }), isPinned: true },
    { name: 'waits for its first frame', tile: face('Kim', { picture: { attach: nothing, detach: nothing } }) },
    { name: 'held back for want of bandwidth', tile: face('Leo', { isPaused: true }) },
    { name: 'poor connection', tile: face('Mallory', { quality: 'poor' }) },
    { name: 'lost connection', tile: face('Niaj', { quality: 'lost' }) },
    { name: 'raised hand', tile: face('Olivia'), hand: 1 },
    { name: 'reaction', tile: face('Peggy'), reaction: '👏' },
    { name: 'no key', tile: face('Quentin', { picture: null }), stranger: 'no-key' },
    { name: 'another key', tile: face('Rupert', { picture: null }), stranger: 'other-key' },
    {
      name: 'long name',
      tile: face('Wolfeschlegelsteinhausenbergerdorff Hubert Blaine the Younger, of Philadelphia'),
    },
    { name: 'name from right to left', tile: face('سلمى الجندي', { isMuted: true }) },
    {
      name: 'everything at once',
      tile: face('Sybil', { isMuted: true, quality: 'poor', isSpeaking: true }),
      isPinned: true,
      hand: 1,
      reaction: '🎉',
    },
  ];
}

function nothing(): void {
  // No frame ever comes.
}
