// Says whether the call is encrypted from end to end, in words; opens what that means, and the way to switch it on.
import { Lock, LockOpen } from 'lucide-react';
import { useState } from 'react';
import { useCallServices } from '../call/services';
import { IconButton } from '../design/IconButton';
import { useT } from '../i18n/i18n';
import { useStore } from '../state/store';
import { EncryptionDialog } from './EncryptionDialog';
import './encryption.css';

export function EncryptionButton({ room }: { room: string }) {
  const t = useT();
  const { isOn } = useStore(useCallServices().encryption.view);
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      {isOn ? (
        <button type="button" className="encryption-badge" data-testid="encrypted" onClick={() => setOpen(true)}>
          <Lock aria-hidden="true" /> <span>{t('encryption:badge')}</span>
        </button>
      ) : (
        <IconButton
          label={t('encryption:badge-off')}
          icon={LockOpen}
          testId="not-encrypted"
          onClick={() => setOpen(true)}
        />
      )}
      {isOpen ? <EncryptionDialog room={room} onClose={() => setOpen(false)} /> : null}
    </>
  );
}
