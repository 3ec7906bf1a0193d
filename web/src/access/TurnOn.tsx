// Before the browser was ever asked: what to press, and that it will ask. And while its question is open, where to look.
import { Camera } from 'lucide-react';
import { useT } from '../i18n/i18n';
import { useServices } from '../shell/services';
import { useStore } from '../state/store';

export function TurnOn() {
  const { media } = useServices();
  const t = useT();
  const wishes = useStore(media.wishes);
  const { camera } = useStore(media.access);
  if (camera === 'asking') {
    return (
      <p className="camera-message" role="status" data-testid="access-asking">
        <span className="spinner" aria-hidden="true" /> {t('access:asking')}
      </p>
    );
  }
  return (
    <div className="camera-message camera-message-tall">
      <button type="button" className="button button-primary" data-testid="turn-on" onClick={() => void media.turnOn()}>
        <Camera aria-hidden="true" /> {wishes.microphone ? t('access:turn_on') : t('access:turn_on.camera')}
      </button>
      <p className="camera-why">{t('access:turn_on_why')}</p>
    </div>
  );
}
