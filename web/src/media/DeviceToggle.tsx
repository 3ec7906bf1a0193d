// Camera or microphone on or off, in a call and before it.
import { Mic, MicOff, Video, VideoOff } from 'lucide-react';
import { IconButton } from '../design/IconButton';
import { useServices } from '../shell/services';
import { useStore } from '../state/store';

interface Props {
  kind: 'camera' | 'microphone';
  testId: string;
  shortcut?: string;
}

const ICONS = { camera: { on: Video, off: VideoOff }, microphone: { on: Mic, off: MicOff } };
const LABELS = { camera: 'Camera', microphone: 'Microphone' };

export function DeviceToggle({ kind, testId, shortcut }: Props) {
  const { media } = useServices();
  const wished = useStore(media.wishes)[kind];
  const failed = useStore(media[kind].state).status === 'failed';
  const isOn = wished && !failed;
  const key = shortcut ? ` (${shortcut})` : '';
  return (
    <IconButton
      label={LABELS[kind]}
      tip={
        failed
          ? `${LABELS[kind]} not available: try again`
          : `Turn ${LABELS[kind].toLowerCase()} ${isOn ? 'off' : 'on'}${key}`
      }
      icon={isOn ? ICONS[kind].on : ICONS[kind].off}
      testId={testId}
      aria-pressed={isOn}
      className="control control-device"
      data-failed={failed}
      onClick={() => media.wish(kind, !isOn)}
    />
  );
}
