// Camera or microphone on or off, in a call and before it.
import { Mic, MicOff, Video, VideoOff } from 'lucide-react';
import { IconButton } from '../design/IconButton';
import { useT } from '../i18n/i18n';
import { useServices } from '../shell/services';
import { useStore } from '../state/store';

interface Props {
  kind: 'camera' | 'microphone';
  testId: string;
  shortcut?: string;
}

const ICONS = { camera: { on: Video, off: VideoOff }, microphone: { on: Mic, off: MicOff } };

export function DeviceToggle({ kind, testId, shortcut }: Props) {
  const t = useT();
  const { media } = useServices();
  const wished = useStore(media.wishes)[kind];
  const failed = useStore(media[kind].state).status === 'failed';
  const access = useStore(media.access)[kind];
  const isOn = wished && !failed && access !== 'unasked';
  const does = failed ? 'unavailable' : isOn ? 'turnOff' : 'turnOn';
  const text = t(`media:${does}.${kind}`);
  return (
    <IconButton
      label={t(`media:${kind}`)}
      tip={shortcut && !failed ? t('media:withKey', { text, key: shortcut }) : text}
      icon={isOn ? ICONS[kind].on : ICONS[kind].off}
      testId={testId}
      aria-pressed={isOn}
      className="control control-device"
      data-failed={failed}
      onClick={() => media.wish(kind, !isOn)}
    />
  );
}
