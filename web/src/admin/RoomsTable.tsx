// The rooms that live; each opens to the people in it.
import { ChevronDown, ChevronRight } from 'lucide-react';
import { Fragment } from 'react';
import { useT, type t as say } from '../i18n/i18n';
import { useStore } from '../state/store';
import type { Action, Admin } from './admin';
import type { RoomLine } from './api';
import { bitrate, count, duration, share } from './format';
import { PeopleTable } from './PeopleTable';
import { SortHeads, sorted, useOrder } from './sorting';

const NUMBERS = ['people', 'tracks', 'bitrateIn', 'bitrateOut', 'lossIn', 'lossOut', 'startedAt'] as const;
/** Where nobody counts what flows. */
const WITHOUT_FIGURES = ['people', 'tracks', 'startedAt'] as const;
type Column = 'name' | (typeof NUMBERS)[number];

interface Props {
  admin: Admin;
  /** Asks whether it shall be done. */
  onAction: (action: Action) => void;
}

export function RoomsTable({ admin, onAction }: Props) {
  const t = useT();
  const rooms = useStore(admin.rooms);
  const hasFigures = useStore(admin.overview)?.hasFigures ?? true;
  const numbers = hasFigures ? NUMBERS : WITHOUT_FIGURES;
  const opened = useStore(admin.opened);
  const [order, choose] = useOrder<Column>('name');
  const labels = labelsOf(t);
  if (rooms.length === 0) return <p className="admin-nothing">{t('admin:no-rooms')}</p>;
  return (
    <div className="admin-scroll" role="region" tabIndex={0} aria-label={t('admin:rooms-now')}>
      <table className="admin-table" data-testid="rooms-table">
        <caption className="for-screen-readers">{t('admin:rooms-now')}</caption>
        <thead>
          <SortHeads numbers={numbers} labels={labels} order={order} onChoose={choose} />
        </thead>
        <tbody>
          {sorted(rooms, order, valueOf).map((room) => {
            const isOpen = opened.has(room.name);
            const detail = opened.get(room.name);
            return (
              <Fragment key={room.sid}>
                <tr data-testid="room-row" data-room={room.name}>
                  <th scope="row">
                    <button
                      type="button"
                      className="admin-open"
                      aria-expanded={isOpen}
                      data-testid="open-room"
                      onClick={() => admin.toggle(room.name)}
                    >
                      {isOpen ? (
                        <ChevronDown aria-hidden="true" />
                      ) : (
                        <ChevronRight className="turns" aria-hidden="true" />
                      )}
                      <bdi>{room.name}</bdi>
                    </button>
                  </th>
                  {numbers.map((column) => (
                    <td key={column} className="number" data-label={labels[column]}>
                      <bdi dir="ltr">{textOf(room, column)}</bdi>
                    </td>
                  ))}
                  <td className="actions">
                    <button
                      type="button"
                      className="button button-danger admin-action"
                      data-testid="end-room"
                      aria-label={t('admin:end-named', { room: room.name })}
                      onClick={() => onAction({ kind: 'end', room: room.name })}
                    >
                      {t('admin:end')}
                    </button>
                  </td>
                </tr>
                {isOpen ? (
                  <tr className="admin-inner">
                    <td colSpan={numbers.length + 2}>
                      {detail ? (
                        <PeopleTable room={detail} hasFigures={hasFigures} onAction={onAction} />
                      ) : (
                        <p className="admin-nothing">{t('admin:loading')}</p>
                      )}
                    </td>
                  </tr>
                ) : null}
              </Fragment>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function valueOf(room: RoomLine, column: Column): string | number | null {
  return room[column];
}

function textOf(room: RoomLine, column: (typeof NUMBERS)[number]): string {
  switch (column) {
    case 'people':
      // A cluster may have set none.
      return room.maxParticipants > 0 ? `${count(room.people)} / ${count(room.maxParticipants)}` : count(room.people);
    case 'tracks':
      return count(room.tracks);
    case 'bitrateIn':
    case 'bitrateOut':
      return bitrate(room[column]);
    case 'lossIn':
    case 'lossOut':
      return share(room[column]);
    case 'startedAt':
      return duration((Date.now() - room.startedAt) / 1000);
  }
}

function labelsOf(t: typeof say): Record<Column, string> {
  return {
    name: t('admin:room'),
    people: t('admin:people'),
    tracks: t('admin:tracks'),
    bitrateIn: t('admin:incoming'),
    bitrateOut: t('admin:outgoing'),
    lossIn: t('admin:loss-in'),
    lossOut: t('admin:loss-out'),
    startedAt: t('admin:lasts'),
  };
}
