// Plays two notes through the chosen speaker.
import { Volume2 } from 'lucide-react';
import { IconButton } from '../design/IconButton';
import { useT } from '../i18n/i18n';
import { useServices } from '../shell/services';
import { useStore } from '../state/store';

export function SpeakerTest({ deviceId }: { deviceId: string | undefined }) {
  const t = useT();
  return (
    <IconButton
      label={t('settings:testSpeaker')}
      icon={Volume2}
      className="speaker-test"
      onClick={() => void playNotes(deviceId)}
    />
  );
}

/** The same in words, for who has not opened the settings. */
export function SpeakerButton() {
  const { media } = useServices();
  const t = useT();
  useStore(media.devices);
  useStore(media.choices);
  return (
    <button
      type="button"
      className="button button-small"
      data-testid="speaker-test"
      onClick={() => void playNotes(media.speaker())}
    >
      <Volume2 aria-hidden="true" /> {t('home:speaker_test')}
    </button>
  );
}

async function playNotes(deviceId: string | undefined): Promise<void> {
  const context = new AudioContext();
  const out = new MediaStreamAudioDestinationNode(context);
  const gain = new GainNode(context, { gain: 0 });
  const note = new OscillatorNode(context, { type: 'triangle', frequency: 523 });
  const start = context.currentTime + 0.05;
  gain.gain.setTargetAtTime(0.25, start, 0.02);
  note.frequency.setValueAtTime(784, start + 0.3);
  gain.gain.setTargetAtTime(0, start + 0.6, 0.1);
  note.connect(gain).connect(out);
  const audio = new Audio();
  audio.srcObject = out.stream;
  // An element, not the context: that is what calls play through, and what every browser can direct.
  if (deviceId !== undefined && 'setSinkId' in audio) await audio.setSinkId(deviceId).catch(() => undefined);
  note.onended = () => void context.close();
  note.start(start);
  note.stop(start + 1.2);
  await audio.play().catch(() => undefined);
}
