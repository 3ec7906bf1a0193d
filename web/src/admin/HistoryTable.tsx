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

export function HistoryTable({ kind, rows }: { kind: HistoryKind; rows: readonly HistoryRow[] }) {
  const t = useT();
  const heads: Record<HistoryKind, string[]> = {
    rooms: [t('admin:room'), t('admin:people')],
    sessions: [t('admin:person'), t('admin:room'), t('admin:incoming'), t('admin:outgoing')],
    tracks: [t('admin:track'), t('admin:person'), t('admin:room'), t('admin:incoming'), t('admin:lost-packets')],
  };
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
            {heads[kind].map((head) => (
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
            const [first, ...rest] = cellsOf(kind, row, t);
            return (
              <tr key={row.sid} data-testid="history-row">
                <th scope="row">
                  <bdi>{first}</bdi>
                </th>
                {rest.map((cell, index) => (
                  <td key={index} data-label={heads[kind][index + 1]}>
                    <bdi>{cell}</bdi>
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

function cellsOf(kind: HistoryKind, row: HistoryRow, t: typeof say): string[] {
  if (kind === 'rooms') return [row.name, count(row.people ?? 0)];
  if (kind === 'sessions') {
    return [row.name || (row.identity ?? ''), row.roomName ?? '', bytes(row.bytesIn), bytes(row.bytesOut)];
  }
  const lost = row.lost === null || row.lost === undefined ? '–' : count(row.lost);
  return [
    `${nameOfSource(row.source ?? '', t) ?? (row.name || (row.source ?? ''))} ${codecOf(row.mimeType ?? '')}`,
    row.participantName || (row.identity ?? ''),
    row.roomName ?? '',
    bytes(row.bytes),
    lost,
  ];
}
