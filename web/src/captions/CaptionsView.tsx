// What is said, written under the stage.
import { useCallServices } from '../call/services';
import { useT } from '../i18n/i18n';
import { useStore } from '../state/store';
import './captions.css';

export function CaptionsView() {
  const t = useT();
  const { captions } = useCallServices();
  const { lines, isAvailable } = useStore(captions.view);
  const isOn = useStore(captions.isOn);
  if (!isAvailable || !isOn) return null;
  return (
    // Not announced: whoever listens to a screen reader would hear everything twice, one over the other.
    <div className="captions" data-testid="captions" role="log" aria-live="off" aria-label={t('captions:captions')}>
      {lines.map(({ key, name, text, isFinal }) => (
        <p key={key} data-testid="caption" data-final={isFinal}>
          <span className="caption-name">{name}</span> <span dir="auto">{text}</span>
        </p>
      ))}
    </div>
  );
}
