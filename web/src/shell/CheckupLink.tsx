// To the test of the connection, in a tab of its own: a call or a preview goes on here. `noopener` keeps the new tab from getting
// a copy of this one's session storage, and so its identity.
import { useT } from '../i18n/i18n';
import { CHECKUP } from './address';

export function CheckupLink() {
  const t = useT();
  return (
    <a className="text-link" href={CHECKUP} target="_blank" rel="noopener" data-testid="test-connection">
      {t('testConnection')} <span className="for-screen-readers">{t('newTab')}</span>
    </a>
  );
}
