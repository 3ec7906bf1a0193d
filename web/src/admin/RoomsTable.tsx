// The rooms that live; each opens to the people in it.
import { ChevronDown, ChevronRight } from 'lucide-react';
import { Fragment } from 'react';
import { useT } from '../i18n/i18n';
import { useStore } from '../state/store';
import type { Action, Admin } from './admin';
import type { RoomLine } from './api';
import { bitrate, count, duration, share } from './format';
import { PeopleTable } from './PeopleTable';
import { SortHead, sorted, useOrder } from './sorting';

type Column = 'name' | 'people' | 'tracks' | 'bitrateIn' | 'bitrateOut' | 'lossIn' | 'lossOut' | 'startedAt';

interface Props {
  admin: Admin;
  /** Asks whether it shall be done. */
  onAction: (action: Action) => void;
}

export function RoomsTable({ admin, onAction }: Props) {
  const t = useT();
  const rooms = useStore(admin.rooms);
  const opened = useStore(admin.opened);
  const [order, choose] = useOrder<Column>('name');
  const head = { order, onChoose: choose };
  if (rooms.length === 0) return <p className="admin-nothing">{t('admin:no-rooms')}</p>;
  return (
    <div className="admin-scroll" role="region" tabIndex={0} aria-label={t('admin:rooms-now')}>
      <table className="admin-table" data-testid="rooms-table">
        <caption className="for-screen-readers">{t('admin:rooms-now')}</caption>
        <thead>
          <tr>
            <SortHead column="name" label={t('admin:room')} {...head} />
            <SortHead column="people" label={t('admin:people')} isNumber {...head} />
            <SortHead column="tracks" label={t('admin:tracks')} isNumber {...head} />
            <SortHead column="bitrateIn" label={t('admin:incoming')} isNumber {...head} />
            <SortHead column="bitrateOut" label={t('admin:outgoing')} isNumber {...head} />
            <SortHead column="lossIn" label={t('admin:loss-in')} isNumber {...head} />
            <SortHead column="lossOut" label={t('admin:loss-out')} isNumber {...head} />
            <SortHead column="startedAt" label={t('admin:lasts')} isNumber {...head} />
            <th scope="col">{t('admin:actions')}</th>
          </tr>
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
                  <td className="number">
                    {count(room.people)} / {count(room.maxParticipants)}
                  </td>
                  <td className="number">{count(room.tracks)}</td>
                  <td className="number">{bitrate(room.bitrateIn)}</td>
                  <td className="number">{bitrate(room.bitrateOut)}</td>
                  <td className="number">{share(room.lossIn)}</td>
                  <td className="number">{share(room.lossOut)}</td>
                  <td className="number">{duration((Date.now() - room.startedAt) / 1000)}</td>
                  <td>
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
                    <td colSpan={9}>
                      {detail ? (
                        <PeopleTable room={detail} onAction={onAction} />
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
