// One page of the history.
import { moment } from '../i18n/format';
import { useT, type t as say } from '../i18n/i18n';
import type { HistoryKind, HistoryRow } from './api';
import { bytes, count, duration } from './format';
import { codecOf, nameOfSource } from './source';

const REASONS = {
  client_initiated: 'admin:reason-left',
  participant_left: 'admin:reason-left',
  duplicate_identity: 'admin:reason-elsewhere',
  server_shutdown: 'admin:reason-shutdown',
  server_stopped: 'admin:reason-stopped',
  unheard: 'admin:reason-unheard',
  participant_removed: 'admin:reason-removed',
  room_deleted: 'admin:reason-ended',
  room_closed: 'admin:reason-empty',
  connection_timeout: 'admin:reason-lost',
  signal_close: 'admin:reason-lost',
  media_failure: 'admin:reason-lost',
  join_failure: 'admin:reason-failed',
  state_mismatch: 'admin:reason-failed',
  unpublished: 'admin:reason-unpublished',
} as const;

const NAMES = { rooms: 'admin:rooms', sessions: 'admin:people', tracks: 'admin:tracks' } as const;

interface Props {
  kind: HistoryKind;
  rows: readonly HistoryRow[];
  /** Whether anybody counts what flows; what was counted earlier is shown all the same. */
  hasFigures: boolean;
}

export function HistoryTable({ kind, rows, hasFigures }: Props) {
  const t = useT();
  const columns = columnsOf(kind, t).filter(
    ({ figure }) => figure === undefined || hasFigures || rows.some((row) => typeof row[figure] === 'number'),
  );
  const reason = (row: HistoryRow) => {
    if (row.endedAt === null) return t('admin:goes-on');
    const known = row.endReason ?? '';
    return Object.hasOwn(REASONS, known) ? t(REASONS[known as keyof typeof REASONS]) : known || '–';
  };
  return (
    <div className="admin-scroll" role="region" tabIndex={0} aria-label={t('admin:history')}>
      <table className="admin-table" data-testid="history-table" data-kind={kind}>
        <caption className="for-screen-readers">
          {t('admin:history')}: {t(NAMES[kind])}
        </caption>
        <thead>
          <tr>
            {columns.map(({ head }) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
            <th scope="col">{t('admin:began')}</th>
            <th scope="col">{t('admin:lasted')}</th>
            <th scope="col">{t('admin:ended')}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const [first, ...rest] = columns;
            return (
              <tr key={row.sid} data-testid="history-row">
                <th scope="row">
                  <bdi>{first?.cell(row)}</bdi>
                </th>
                {rest.map(({ head, cell }) => (
                  <td key={head} data-label={head}>
                    <bdi>{cell(row)}</bdi>
                  </td>
                ))}
                <td data-label={t('admin:began')}>{moment(row.startedAt)}</td>
                <td data-label={t('admin:lasted')}>{duration(((row.endedAt ?? Date.now()) - row.startedAt) / 1000)}</td>
                <td data-label={t('admin:ended')}>{reason(row)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

interface Column {
  head: string;
  cell: (row: HistoryRow) => string;
  /** What it shows is counted from what flows. */
  figure?: 'bytesIn' | 'bytesOut' | 'bytes' | 'lost';
}

function columnsOf(kind: HistoryKind, t: typeof say): Column[] {
  const room: Column = { head: t('admin:room'), cell: (row) => row.roomName ?? '' };
  switch (kind) {
    case 'rooms':
      return [
        { head: t('admin:room'), cell: (row) => row.name },
        { head: t('admin:people'), cell: (row) => count(row.people ?? 0) },
      ];
    case 'sessions':
      return [
        { head: t('admin:person'), cell: (row) => row.name || (row.identity ?? '') },
        room,
        { head: t('admin:incoming'), cell: (row) => bytes(row.bytesIn), figure: 'bytesIn' },
        { head: t('admin:outgoing'), cell: (row) => bytes(row.bytesOut), figure: 'bytesOut' },
      ];
    case 'tracks':
      return [
        {
          head: t('admin:track'),
          cell: (row) =>
            `${nameOfSource(row.source ?? '', t) ?? (row.name || (row.source ?? ''))} ${codecOf(row.mimeType ?? '')}`,
        },
        { head: t('admin:person'), cell: (row) => row.participantName || (row.identity ?? '') },
        room,
        { head: t('admin:incoming'), cell: (row) => bytes(row.bytes), figure: 'bytes' },
        { head: t('admin:lost-packets'), cell: (row) => (row.lost == null ? '–' : count(row.lost)), figure: 'lost' },
      ];
  }
}
