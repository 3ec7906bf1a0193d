// In a page that embeds us, outside the room: there is no home to go to, only the way in.
import { useEffect, useRef, useState } from 'react';
import { useT } from '../i18n/i18n';
import { basePath, roomOfPath } from '../shell/address';
import { Logo } from '../shell/Logo';
import { useServices } from '../shell/services';
import './left.css';

type Before = 'before' | 'left' | 'out';

export function LeftPage({ wasIn }: { wasIn: boolean }) {
  const t = useT();
  const { call, options } = useServices();
  const room = roomOfPath(location.pathname, basePath()) ?? '';
  const [before] = useState<Before>(wasIn ? 'left' : options.join ? 'out' : 'before');
  const heading = useRef<HTMLHeadingElement>(null);
  // Where one was is gone: who comes by keyboard goes on here. Not at the beginning, in a page that is somebody else's.
  useEffect(() => {
    if (before !== 'before') heading.current?.focus();
  }, [before]);
  return (
    <main className="left" data-testid="left" data-room={room} data-before={before}>
      <Logo />
      <h1 ref={heading} tabIndex={-1}>
        {t(`embed:${before}`)}
      </h1>
      <p>{room}</p>
      <button
        type="button"
        className="button button-primary"
        data-testid="join-again"
        onClick={() => void call.join(room)}
      >
        {t(before === 'left' ? 'embed:join-again' : 'embed:join')}
      </button>
    </main>
  );
}
