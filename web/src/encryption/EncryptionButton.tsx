// Says whether the call is encrypted from end to end, in words; opens what that means, and the way to switch it on.
import { Lock, LockOpen } from 'lucide-react';
import { useCallServices } from '../call/services';
import { IconButton } from '../design/IconButton';
import { useT } from '../i18n/i18n';
import { useStore } from '../state/store';
import './encryption.css';

export function EncryptionButton({ onOpen }: { onOpen: () => void }) {
  const t = useT();
  const { isOn } = useStore(useCallServices().encryption.view);
  if (isOn) {
    return (
      <button type="button" className="encryption-badge" data-testid="encrypted" onClick={onOpen}>
        <Lock aria-hidden="true" /> <span>{t('encryption:badge')}</span>
      </button>
    );
  }
  return <IconButton label={t('encryption:badge-off')} icon={LockOpen} testId="not-encrypted" onClick={onOpen} />;
}
