// Under the preview: how loud the microphone is, and in words whether we hear the person.
import { useEffect, useState } from 'react';
import { useTrouble } from '../access/trouble';
import { WayBackView } from '../access/WayBackView';
import { useT } from '../i18n/i18n';
import { LevelMeter } from '../settings/LevelMeter';
import { useServices } from '../shell/services';
import { useStore } from '../state/store';
import { Hearing, type Heard } from './hearing';

export function HearingLine() {
  const { media } = useServices();
  const t = useT();
  const wished = useStore(media.wishes).microphone;
  const access = useStore(media.access).microphone;
  const state = useStore(media.microphone.state);
  const trouble = useTrouble(media);
  if (trouble?.of === 'microphone') return <WayBackView trouble={trouble} />;
  if (!wished) return <p className="hearing hearing-words">{t('home:mic_off')}</p>;
  // The preview says what to press, and of what both lack.
  if (access !== 'settled' || state.status === 'failed') return null;
  if (state.status === 'live') return <Listening key={state.track.id} track={state.track} />;
  return <div className="hearing" aria-hidden="true" />;
}

const WORDS = { listening: 'home:mic_say', heard: 'home:mic_heard', nothing: 'home:mic_nothing' } as const;

function Listening({ track }: { track: MediaStreamTrack }) {
  const t = useT();
  const [heard, setHeard] = useState<Heard>('listening');
  const [hearing] = useState(() => new Hearing());
  const isMuted = useMuted(track);
  return (
    <div className="hearing">
      <LevelMeter track={track} onLevel={(level) => setHeard(hearing.hear(level, performance.now()))} />
      <p className="hearing-words" role="status" data-testid="hearing" data-heard={isMuted ? 'muted' : heard}>
        {isMuted ? t('home:mic_muted') : t(WORDS[heard])}
      </p>
    </div>
  );
}

/** Whether the system or the device itself keeps the microphone silent. */
function useMuted(track: MediaStreamTrack): boolean {
  const [isMuted, setMuted] = useState(track.muted);
  useEffect(() => {
    const tell = () => setMuted(track.muted);
    for (const event of ['mute', 'unmute']) track.addEventListener(event, tell);
    return () => {
      for (const event of ['mute', 'unmute']) track.removeEventListener(event, tell);
    };
  }, [track]);
  return isMuted;
}
