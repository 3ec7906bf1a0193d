// Asks before something is done that people in a call notice.
import { useState } from 'react';
import { Dialog } from '../design/Dialog';
import { useT } from '../i18n/i18n';
import type { Action } from './admin';

interface Props {
  action: Action;
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

export function Confirmation({ action, onConfirm, onClose }: Props) {
  const t = useT();
  const [isBusy, setIsBusy] = useState(false);
  const [title, question, verb] =
    action.kind === 'end'
      ? [t('admin:end-title'), t('admin:end-question', { room: action.room }), t('admin:end')]
      : action.kind === 'remove'
        ? [
            t('admin:remove-title'),
            t('admin:remove-question', { name: action.name, room: action.room }),
            t('admin:remove'),
          ]
        : [
            t('admin:mute-title'),
            t('admin:mute-question', { name: action.name, source: action.source }),
            t('admin:mute'),
          ];
  return (
    <Dialog title={title} testId="confirmation" closeTestId="confirmation-close" onClose={onClose}>
      <p>{question}</p>
      <div className="admin-buttons">
        <button type="button" className="button" data-testid="cancel" onClick={onClose}>
          {t('admin:cancel')}
        </button>
        <button
          type="button"
          className={action.kind === 'mute' ? 'button button-primary' : 'button button-danger'}
          data-testid="confirm"
          disabled={isBusy}
          onClick={() => {
            setIsBusy(true);
            void onConfirm();
          }}
        >
          {verb}
        </button>
      </div>
    </Dialog>
  );
}
