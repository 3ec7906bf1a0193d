// The link to the room, and the ways to hand it on.
import { Check, Copy, Mail, Share2 } from 'lucide-react';
import { lazy, Suspense, useId, useRef, useState } from 'react';
import { Dialog } from '../design/Dialog';
import { useT } from '../i18n/i18n';
import { useServices } from '../shell/services';
import { mailAddress } from './mail';
import './invite.css';

/** Its library is fetched when somebody invites. */
const QrCode = lazy(() => import('./QrCode'));

export function InviteDialog({ room, link, onClose }: { room: string; link: string; onClose: () => void }) {
  const { notices } = useServices();
  const t = useT();
  const field = useRef<HTMLInputElement>(null);
  const id = useId();
  const [copied, setCopied] = useState<'yes' | 'no' | null>(null);
  // Not on plain http, and not in every browser, whatever the type says.
  const share = (navigator as Partial<Navigator>).share;

  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(link);
      setCopied('yes');
      notices.announce(t('invite:copied'));
    } catch {
      // The browser does not let this page write there (plain http, or by its settings): by hand, then.
      field.current?.select();
      setCopied('no');
    }
  }

  return (
    <Dialog title={t('invite:title')} testId="invite-dialog" closeTestId="close-invite" onClose={onClose}>
      <div className="invite">
        <figure className="invite-code">
          <Suspense fallback={<div className="qr" role="status" aria-label={t('invite:loading')} />}>
            <QrCode text={link} label={t('invite:qr')} />
          </Suspense>
          <figcaption className="invite-hint">{t('invite:scan')}</figcaption>
        </figure>
        <div className="invite-ways">
          <div className="field">
            <label htmlFor={id}>{t('invite:link')}</label>
            <input
              ref={field}
              id={id}
              className="input"
              data-testid="invite-link"
              readOnly
              dir="ltr"
              value={link}
              onFocus={(event) => event.target.select()}
            />
          </div>
          {copied === 'no' ? (
            <p className="invite-hint" role="status" data-testid="copy-by-hand">
              {t('invite:by_hand')}
            </p>
          ) : null}
          <div className="invite-buttons">
            <button
              type="button"
              className="button button-primary"
              data-testid="copy-link"
              data-copied={copied === 'yes'}
              onClick={() => void copy()}
            >
              {copied === 'yes' ? <Check aria-hidden="true" /> : <Copy aria-hidden="true" />}
              {copied === 'yes' ? t('invite:copied') : t('invite:copy')}
            </button>
            {share ? (
              <button
                type="button"
                className="button"
                data-testid="share-link"
                // Who closes the system's sheet has changed their mind: nothing to tell.
                onClick={() => void share.call(navigator, { title: room, url: link }).catch(() => undefined)}
              >
                <Share2 aria-hidden="true" /> {t('invite:share')}
              </button>
            ) : null}
            <a
              className="button"
              data-testid="mail-link"
              href={mailAddress(t('invite:subject', { room }), t('invite:text', { room, link }))}
            >
              <Mail aria-hidden="true" /> {t('invite:mail')}
            </a>
          </div>
        </div>
      </div>
    </Dialog>
  );
}
