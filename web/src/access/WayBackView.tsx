// Why there is no camera or no microphone, and what to do about it in this browser.
import { RotateCw } from 'lucide-react';
import { useEffect } from 'react';
import { useT } from '../i18n/i18n';
import { useServices } from '../shell/services';
import { ownSurroundings } from './browser';
import { wayBack, type Trouble } from './way-back';

export function WayBackView({ trouble }: { trouble: Trouble }) {
  const { media, notices } = useServices();
  const t = useT();
  const { what, how } = wayBack(trouble, ownSurroundings());
  useEffect(() => notices.announce(`${what} ${how}`), [notices, what, how]);
  return (
    <div className="way-back" data-testid="way-back" data-problem={trouble.problem}>
      <p className="way-back-what">{what}</p>
      <p>
        {how} {t('access:still')}
      </p>
      {trouble.problem === 'insecure' ? null : (
        <button type="button" className="button" data-testid="try-again" onClick={() => void media.turnOn()}>
          <RotateCw aria-hidden="true" /> {t('access:try_again')}
        </button>
      )}
    </div>
  );
}
