// A room before the code of calls is there: where one is going, and the way back.
import { useT } from '../i18n/i18n';
import { useServices } from './services';
import './joining.css';

export function JoiningPage({ room }: { room: string }) {
  const t = useT();
  const { call } = useServices();
  return (
    <main className="joining" data-testid="room" data-room={room} data-state="joining">
      <p role="status">
        <span className="spinner" aria-hidden="true" /> {t('shell:joining', { room })}
      </p>
      <button type="button" className="button" data-testid="leave" onClick={() => call.leave()}>
        {t('shell:cancel')}
      </button>
    </main>
  );
}
