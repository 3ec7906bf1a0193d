// Changes between the cameras of a phone, front and back. Not there where none looks the other way.
import { SwitchCamera } from 'lucide-react';
import { IconButton } from '../design/IconButton';
import { useT } from '../i18n/i18n';
import { useServices } from '../shell/services';
import { useStore } from '../state/store';

export function TurnCamera() {
  const t = useT();
  const { media } = useServices();
  const canTurn = useStore(media.canTurn);
  const isOn = useStore(media.wishes).camera;
  if (!canTurn || !isOn) return null;
  return (
    <IconButton
      label={t('media:turnAround')}
      icon={SwitchCamera}
      testId="turn-camera"
      className="control"
      onClick={() => media.turnCamera()}
    />
  );
}
