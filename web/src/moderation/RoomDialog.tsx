// What moderators set for the whole room.
import { DoorClosed, MicOff } from 'lucide-react';
import { useCallServices } from '../call/services';
import { Dialog } from '../design/Dialog';
import { useT } from '../i18n/i18n';
import { useStore } from '../state/store';
import { SETTINGS } from './api';
import './moderation.css';

export function RoomDialog({ onClose }: { onClose: () => void }) {
  const t = useT();
  const { moderation } = useCallServices();
  const { settings } = useStore(moderation.view);
  return (
    <Dialog title={t('moderation:room')} testId="room-settings" closeTestId="close-room-settings" onClose={onClose}>
      <div className="room-settings">
        {SETTINGS.map((setting) => (
          <label key={setting} className="check">
            <input
              type="checkbox"
              data-testid={`setting-${setting}`}
              checked={settings?.[setting] ?? false}
              disabled={settings === null}
              onChange={(event) => void moderation.set(setting, event.target.checked)}
            />
            <span>
              {t(`moderation:${setting}`)}
              <small>{t(`moderation:${setting}Hint`)}</small>
            </span>
          </label>
        ))}
        <div className="room-settings-buttons">
          <button type="button" className="button" data-testid="mute-all" onClick={() => void moderation.muteAll()}>
            <MicOff aria-hidden="true" /> {t('moderation:muteAll')}
          </button>
          <button
            type="button"
            className="button button-danger"
            data-testid="end-for-all"
            onClick={() => {
              onClose();
              moderation.question.set({ kind: 'end' });
            }}
          >
            <DoorClosed aria-hidden="true" /> {t('moderation:endForAll')}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
