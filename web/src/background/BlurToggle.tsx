// Blurred or not: a round button under the preview, a line in the settings.
import { Aperture } from 'lucide-react';
import { useId } from 'react';
import { IconButton } from '../design/IconButton';
import { useT } from '../i18n/i18n';
import { useServices } from '../shell/services';
import { useStore } from '../state/store';
import { canBlur } from './support';

export function BlurButton() {
  const { media } = useServices();
  const t = useT();
  const isBlurred = useStore(media.background.isBlurred);
  if (!canBlur()) return null;
  return (
    <IconButton
      label={t('background:blur')}
      tip={isBlurred ? t('background:unblur') : t('background:blur')}
      icon={Aperture}
      testId="toggle-blur"
      aria-pressed={isBlurred}
      className="control control-share"
      onClick={() => media.background.setBlurred(!isBlurred)}
    />
  );
}

export function BlurField() {
  const { media } = useServices();
  const t = useT();
  const isBlurred = useStore(media.background.isBlurred);
  const hint = useId();
  const possible = canBlur();
  return (
    <label className="check">
      <input
        type="checkbox"
        data-testid="blur-field"
        disabled={!possible}
        checked={isBlurred}
        aria-describedby={hint}
        onChange={(event) => media.background.setBlurred(event.target.checked)}
      />
      <span>
        {t('background:blur')}
        <span id={hint} className="check-hint">
          {possible ? t('background:where') : t('background:impossible')}
        </span>
      </span>
    </label>
  );
}
