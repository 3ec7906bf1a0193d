// A room before the code of calls is there, as it will be: where one is going, and the way back.
import { useEffect, useRef, type RefObject } from 'react';
import { useT } from '../i18n/i18n';
import { Logo } from './Logo';
import { useServices } from './services';
import './joining.css';

export function JoiningPage({ room }: { room: string }) {
  const t = useT();
  const { call } = useServices();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <div className="joining" data-testid="room" data-room={room} data-state="joining">
      <header className="joining-header">
        <Logo small />
        <p className="name" dir="auto" title={room}>
          {room}
        </p>
      </header>
      <main className="joining-main">
        <JoiningWords room={room} heading={heading} />
      </main>
      <footer className="joining-footer">
        <button type="button" className="button" data-testid="leave" onClick={() => call.leave()}>
          {t('shell:cancel')}
        </button>
      </footer>
    </div>
  );
}

interface WordsProps {
  room: string;
  /** Where they are the heading of the page, which gets the focus. */
  heading?: RefObject<HTMLHeadingElement | null>;
}

/** What goes on until one is in: the same before and after the code of calls has come. */
export function JoiningWords({ room, heading }: WordsProps) {
  const t = useT();
  const what = (
    <>
      <span className="spinner" aria-hidden="true" /> {t('shell:joining', { room })}
    </>
  );
  return (
    <div className="joining-words">
      {heading ? (
        <h1 ref={heading} tabIndex={-1} className="joining-what">
          {what}
        </h1>
      ) : (
        <p className="joining-what" role="status">
          {what}
        </p>
      )}
      <p>{t('shell:joiningHint')}</p>
    </div>
  );
}
