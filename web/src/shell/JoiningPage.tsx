// A room before the code of calls is there: where one is going, and the way back.
import { useEffect, useRef } from 'react';
import { useT } from '../i18n/i18n';
import { useServices } from './services';
import './joining.css';

export function JoiningPage({ room }: { room: string }) {
  const t = useT();
  const { call } = useServices();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <main className="joining" data-testid="room" data-room={room} data-state="joining">
      <h1 ref={heading} tabIndex={-1}>
        <span className="spinner" aria-hidden="true" /> {t('shell:joining', { room })}
      </h1>
      <button type="button" className="button" data-testid="leave" onClick={() => call.leave()}>
        {t('shell:cancel')}
      </button>
    </main>
  );
}
