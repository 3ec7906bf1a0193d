// Turns captions on and off; there only if somebody writes them.
import { Captions as On, CaptionsOff as Off } from 'lucide-react';
import { useCallServices } from '../call/services';
import { IconButton } from '../design/IconButton';
import { useT } from '../i18n/i18n';
import { useStore } from '../state/store';

export function CaptionsButton() {
  const t = useT();
  const { captions } = useCallServices();
  const { isAvailable } = useStore(captions.view);
  const isOn = useStore(captions.isOn);
  if (!isAvailable) return null;
  return (
    <IconButton
      label={t('captions:captions')}
      tip={t(isOn ? 'captions:hide' : 'captions:show')}
      icon={isOn ? On : Off}
      testId="toggle-captions"
      aria-pressed={isOn}
      className="control"
      onClick={() => captions.setOn(!isOn)}
    />
  );
}
