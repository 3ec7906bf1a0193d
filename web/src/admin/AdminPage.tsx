// The operator's page: what is now, and what was.
import { LogOut } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { useT } from '../i18n/i18n';
import { LanguageSelect } from '../shell/LanguageSelect';
import { Logo } from '../shell/Logo';
import { useStore } from '../state/store';
import type { Action, Admin } from './admin';
import './admin.css';
import { Confirmation } from './Confirmation';
import { duration } from './format';
import { HistoryView } from './HistoryView';
import { OverviewCards } from './OverviewCards';
import { ProblemText } from './ProblemText';
import { RoomsTable } from './RoomsTable';
import { TokenForm } from './TokenForm';

const VIEWS = [
  ['live', 'admin:live'],
  ['history', 'admin:history'],
] as const;

export function AdminPage({ admin }: { admin: Admin }) {
  const t = useT();
  const token = useStore(admin.token);
  useEffect(() => {
    document.title = `${t('admin:title')} · Visavis`;
  }, [t, token]);
  return token === null ? <TokenForm admin={admin} /> : <Desk admin={admin} />;
}

function Desk({ admin }: { admin: Admin }) {
  const t = useT();
  const overview = useStore(admin.overview);
  const problem = useStore(admin.problem);
  const failed = useStore(admin.failed);
  const [view, setView] = useState<'live' | 'history'>('live');
  const [asked, setAsked] = useState<Action | null>(null);
  const [done, setDone] = useState('');
  const heading = useRef<HTMLHeadingElement>(null);
  const close = () => {
    setAsked(null);
    // What had the focus before may be gone with what was done.
    requestAnimationFrame(() => {
      if (document.activeElement === document.body) heading.current?.focus();
    });
  };
  return (
    <div className="admin">
      <header className="admin-header">
        <Logo small />
        <h1 ref={heading} tabIndex={-1}>
          {t('admin:title')}
        </h1>
        <p className="admin-more">
          {overview ? t('admin:version', { version: overview.version, uptime: duration(overview.uptime) }) : null}
        </p>
        <LanguageSelect />
        <button type="button" className="button button-small" data-testid="admin-leave" onClick={() => admin.leave()}>
          <LogOut aria-hidden="true" className="turns" />
          {t('admin:leave')}
        </button>
      </header>
      <nav className="admin-views" aria-label={t('admin:views')}>
        {VIEWS.map(([name, label]) => (
          <button
            key={name}
            type="button"
            className="admin-view"
            data-testid={`view-${name}`}
            aria-current={view === name ? 'page' : undefined}
            onClick={() => setView(name)}
          >
            {t(label)}
          </button>
        ))}
      </nav>
      <main className="admin-main">
        {problem ? <ProblemText problem={problem} /> : null}
        {failed ? <ProblemText problem={failed} /> : null}
        <p className="for-screen-readers" role="status" data-testid="admin-done">
          {done}
        </p>
        {view === 'live' ? (
          <>
            {overview || problem ? null : <p className="admin-nothing">{t('admin:loading')}</p>}
            <OverviewCards admin={admin} />
            {overview ? (
              <section>
                <h2>{t('admin:rooms-now')}</h2>
                <RoomsTable admin={admin} onAction={setAsked} />
              </section>
            ) : null}
          </>
        ) : (
          <HistoryView admin={admin} />
        )}
      </main>
      {asked ? (
        <Confirmation
          action={asked}
          onClose={close}
          onConfirm={async () => {
            const isDone = await admin.act(asked);
            setDone(isDone ? t('admin:done') : '');
            close();
          }}
        />
      ) : null}
    </div>
  );
}
