// What encryption from end to end means for this call: who can see and hear it, what cannot work with it, whom it shuts out.
import { Lock } from 'lucide-react';
import { useCallServices } from '../call/services';
import { Dialog } from '../design/Dialog';
import { useT } from '../i18n/i18n';
import { copyLink } from '../room/copy-link';
import { useStore } from '../state/store';
import { sentenceOf } from './encryption';
import { unavailableWith } from './limits';

interface Props {
  room: string;
  onClose: () => void;
}

export function EncryptionDialog({ room, onClose }: Props) {
  const t = useT();
  const { encryption, call, keys, notices } = useCallServices();
  const { isOn, strangers } = useStore(encryption.view);
  // Whoever makes a second key would shut out those who have the first.
  const isKeyMissing = strangers.some(({ why }) => why === 'own-key-missing');

  async function encrypt(): Promise<void> {
    onClose();
    keys.make(room);
    await call.join(room);
    // The address has the key by now.
    await copyLink(notices);
    notices.announce(t('encryption:encrypted-now'));
  }

  return (
    <Dialog title={t('encryption:title')} testId="encryption-dialog" closeTestId="close-encryption" onClose={onClose}>
      <div className="encryption">
        {strangers.length > 0 ? (
          <ul className="encryption-strangers" data-testid="encryption-strangers">
            {strangers.map((stranger) => (
              <li key={stranger.identity}>{sentenceOf(stranger)}</li>
            ))}
          </ul>
        ) : null}
        {isOn ? <WhenOn /> : null}
        {isKeyMissing ? <p>{t('encryption:link-without-key')}</p> : null}
        {!isOn && !isKeyMissing ? (
          <>
            <p>{t('encryption:off')}</p>
            <p>{t('encryption:encrypt-how')}</p>
            <Unavailable />
            <button
              type="button"
              className="button button-primary"
              data-testid="encrypt"
              onClick={() => void encrypt()}
            >
              <Lock aria-hidden="true" /> {t('encryption:encrypt')}
            </button>
          </>
        ) : null}
      </div>
    </Dialog>
  );
}

function WhenOn() {
  const t = useT();
  return (
    <>
      <p className="encryption-on">{t('encryption:on')}</p>
      <p>{t('encryption:on-how')}</p>
      <p>{t('encryption:still-known')}</p>
      <Unavailable />
    </>
  );
}

function Unavailable() {
  const t = useT();
  return (
    <div data-testid="encryption-unavailable">
      <p>{t('encryption:unavailable')}</p>
      <ul className="encryption-unavailable">
        {unavailableWith(true).map((feature) => (
          <li key={feature}>{t(`encryption:unavailable-${feature}`)}</li>
        ))}
      </ul>
    </div>
  );
}
