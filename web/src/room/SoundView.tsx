// The sound of one remote track. Not in the tiles: it must go on when a tile is on another page.
import { memo, useEffect, useRef } from 'react';
import type { Sound } from '../call/tiles';

export const SoundView = memo(function SoundView({ sound }: { sound: Sound }) {
  const audio = useRef<HTMLAudioElement>(null);
  const { track } = sound;
  useEffect(() => {
    const element = audio.current;
    if (!element) return;
    track.attach(element);
    return () => void track.detach(element);
  }, [track]);
  return <audio ref={audio} data-identity={sound.identity} data-source={sound.source} />;
});
