// How loud the microphone is, live. Written past React: sixteen renders a second would be for nothing.
import { useEffect, useRef } from 'react';
import { useT } from '../i18n/i18n';
import { watchLevel } from '../media/level';

interface Props {
  track: MediaStreamTrack;
  onLevel?: (level: number) => void;
}

export function LevelMeter({ track, onLevel }: Props) {
  const t = useT();
  const meter = useRef<HTMLDivElement>(null);
  const tell = useRef(onLevel);
  useEffect(() => {
    tell.current = onLevel;
  });
  useEffect(
    () =>
      watchLevel(track, (level) => {
        meter.current?.style.setProperty('--level', `${level}%`);
        meter.current?.setAttribute('aria-valuenow', String(level));
        tell.current?.(level);
      }),
    [track],
  );
  return (
    <div
      ref={meter}
      className="level"
      data-testid="microphone-level"
      role="meter"
      aria-label={t('settings:level')}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={0}
    />
  );
}
