// Rooms the person was in that are not open now: one press opens them again.
import { History, X } from 'lucide-react';
import { useId } from 'react';
import { IconButton } from '../design/IconButton';
import { useT } from '../i18n/i18n';
import { useServices } from '../shell/services';
import { useStore } from '../state/store';

export function RecentRooms() {
  const { rooms, recents, call } = useServices();
  const t = useT();
  const heading = useId();
  const { rooms: open } = useStore(rooms.view);
  const past = useStore(recents).filter((name) => !open.some((room) => room.name === name));
  if (past.length === 0) return null;
  return (
    <section className="recents" aria-labelledby={heading} data-testid="recents">
      <header className="recents-header">
        <h3 id={heading}>{t('home:recent')}</h3>
        <button type="button" className="link-button" data-testid="forget-all" onClick={() => recents.forgetAll()}>
          {t('home:forget_all')}
        </button>
      </header>
      <ul>
        {past.map((name) => (
          <li key={name}>
            <button
              type="button"
              className="recent"
              data-testid="recent"
              data-room={name}
              title={name}
              onClick={() => void call.join(name)}
            >
              <History aria-hidden="true" />
              <span className="name" dir="auto">
                {name}
              </span>
            </button>
            <IconButton
              label={t('home:forget', { room: name })}
              icon={X}
              testId="forget-recent"
              onClick={() => recents.forget(name)}
            />
          </li>
        ))}
      </ul>
    </section>
  );
}
