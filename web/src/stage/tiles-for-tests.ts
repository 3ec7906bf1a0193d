// Tiles as the call would give them, for tests.
import type { Tile } from '../call/tiles';

export function faceOf(identity: string, more: Partial<Tile> = {}): Tile {
  return {
    key: `${identity} camera`,
    identity,
    name: identity,
    source: 'camera',
    isLocal: false,
    isSpeaking: false,
    isDominant: false,
    isMuted: false,
    isCameraOff: false,
    isPaused: false,
    quality: 'excellent',
    picture: null,
    ...more,
  };
}

export function screenOf(identity: string, more: Partial<Tile> = {}): Tile {
  return faceOf(identity, { key: `${identity} screen`, source: 'screen_share', ...more });
}
