// What was: rooms, people, tracks; filtered, in pages, and all of it as CSV.
import { Download } from 'lucide-react';
import { useCallback, useEffect, useId, useState, type SubmitEvent } from 'react';
import { useT } from '../i18n/i18n';
import { useStore } from '../state/store';
import { problemOf, type Admin, type Problem } from './admin';
import type { HistoryKind, HistoryPage, HistoryQuery } from './api';
import { count } from './format';
import { HistoryTable } from './HistoryTable';
import { ProblemText } from './ProblemText';

const PAGE = 25;

const KINDS = [
  ['rooms', 'admin:rooms'],
  ['sessions', 'admin:people'],
  ['tracks', 'admin:tracks'],
] as const;

const EVERYTHING: HistoryQuery = { kind: 'rooms', room: '', person: '', since: null, until: null };

export function HistoryView({ admin }: { admin: Admin }) {
  const t = useT();
  const hasFigures = useStore(admin.overview)?.hasFigures ?? true;
  const [query, setQuery] = useState(EVERYTHING);
  const [offset, setOffset] = useState(0);
  const [found, setFound] = useState<{ kind: HistoryKind; page: HistoryPage } | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const load = useCallback(
    async (isWanted: () => boolean) => {
      try {
        const page = await admin.api.history(query, PAGE, offset);
        if (!isWanted()) return;
        setFound({ kind: query.kind, page });
        setProblem(null);
      } catch (error) {
        if (isWanted()) setProblem(problemOf(error));
      }
    },
    [admin, query, offset],
  );
  useEffect(() => {
    let isWanted = true;
    void load(() => isWanted);
    return () => {
      isWanted = false;
    };
  }, [load]);
  const last = found ? Math.min(offset + PAGE, found.page.total) : 0;
  return (
    <div className="admin-history">
      <Filter
        onFind={(wanted) => {
          setOffset(0);
          setQuery({ ...wanted }); // Anew, even if nothing was changed.
        }}
      />
      {problem ? <ProblemText problem={problem} /> : null}
      {found ? (
        <>
          <HistoryTable kind={found.kind} rows={found.page.rows} hasFigures={hasFigures} />
          <div className="admin-pages">
            <p role="status" data-testid="history-count">
              {found.page.total === 0
                ? t('admin:nothing-found')
                : t('admin:range', { first: count(offset + 1), last: count(last), total: count(found.page.total) })}
            </p>
            <button
              type="button"
              className="button"
              data-testid="newer"
              disabled={offset === 0}
              onClick={() => setOffset(Math.max(0, offset - PAGE))}
            >
              {t('admin:newer')}
            </button>
            <button
              type="button"
              className="button"
              data-testid="older"
              disabled={last >= found.page.total}
              onClick={() => setOffset(offset + PAGE)}
            >
              {t('admin:older')}
            </button>
            <button
              type="button"
              className="button"
              data-testid="csv"
              onClick={() => void saveCsv(admin, query).catch((error: unknown) => setProblem(problemOf(error)))}
            >
              <Download aria-hidden="true" />
              {t('admin:csv')}
            </button>
          </div>
        </>
      ) : problem ? null : (
        <p className="admin-nothing">{t('admin:loading')}</p>
      )}
    </div>
  );
}

function Filter({ onFind }: { onFind: (query: HistoryQuery) => void }) {
  const t = useT();
  const id = useId();
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    onFind(queryOf(new FormData(event.currentTarget)));
  };
  return (
    <form className="admin-filter" onSubmit={submit} role="search">
      <div className="field">
        <label htmlFor={`${id}-kind`}>{t('admin:show')}</label>
        <select id={`${id}-kind`} name="kind" className="input" data-testid="history-kind">
          {KINDS.map(([kind, label]) => (
            <option key={kind} value={kind}>
              {t(label)}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor={`${id}-room`}>{t('admin:room')}</label>
        <input id={`${id}-room`} name="room" className="input" data-testid="history-room" />
      </div>
      <div className="field">
        <label htmlFor={`${id}-person`}>{t('admin:person')}</label>
        <input id={`${id}-person`} name="person" className="input" data-testid="history-person" />
      </div>
      <div className="field">
        <label htmlFor={`${id}-since`}>{t('admin:since')}</label>
        <input id={`${id}-since`} name="since" type="datetime-local" className="input" />
      </div>
      <div className="field">
        <label htmlFor={`${id}-until`}>{t('admin:until')}</label>
        <input id={`${id}-until`} name="until" type="datetime-local" className="input" />
      </div>
      <button type="submit" className="button button-primary" data-testid="history-find">
        {t('admin:find')}
      </button>
    </form>
  );
}

/** What the form says. Its times are those of the clock on the wall here. */
export function queryOf(form: FormData): HistoryQuery {
  const text = (name: string) => {
    const value = form.get(name);
    return typeof value === 'string' ? value.trim() : '';
  };
  const time = (name: string) => {
    const value = Date.parse(text(name));
    return Number.isNaN(value) ? null : value;
  };
  return {
    kind: KINDS.find(([kind]) => kind === text('kind'))?.[0] ?? 'rooms',
    room: text('room'),
    person: text('person'),
    since: time('since'),
    until: time('until'),
  };
}

async function saveCsv(admin: Admin, query: HistoryQuery): Promise<void> {
  // Not a plain link: its request would lack the token.
  const address = URL.createObjectURL(await admin.api.csv(query));
  const link = document.createElement('a');
  link.href = address;
  link.download = `visavis-${query.kind}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
