// The people of one room, and under each what it publishes.
import { MicOff } from 'lucide-react';
import { Fragment } from 'react';
import { useT } from '../i18n/i18n';
import type { Action } from './admin';
import type { PersonLine, RoomDetail, TrackLine } from './api';
import { bitrate, duration, milliseconds, share } from './format';
import { codecOf, nameOfSource } from './source';
import { SortHead, sorted, useOrder } from './sorting';

type Column = 'name' | 'bitrateIn' | 'bitrateOut' | 'lossIn' | 'lossOut' | 'rtt' | 'estimate' | 'joinedAt';

export function PeopleTable({ room, onAction }: { room: RoomDetail; onAction: (action: Action) => void }) {
  const t = useT();
  const [order, choose] = useOrder<Column>('name');
  const head = { order, onChoose: choose };
  if (room.people.length === 0) return <p className="admin-nothing">{t('admin:nobody')}</p>;
  return (
    <table className="admin-table" data-testid="people-table">
      <caption>{t('admin:people-in', { room: room.name })}</caption>
      <thead>
        <tr>
          <SortHead column="name" label={t('admin:person')} {...head} />
          <SortHead column="bitrateIn" label={t('admin:incoming')} isNumber {...head} />
          <SortHead column="bitrateOut" label={t('admin:outgoing')} isNumber {...head} />
          <SortHead column="lossIn" label={t('admin:loss-in')} isNumber {...head} />
          <SortHead column="lossOut" label={t('admin:loss-out')} isNumber {...head} />
          <SortHead column="rtt" label={t('admin:rtt')} isNumber {...head} />
          <SortHead column="estimate" label={t('admin:estimate')} isNumber {...head} />
          <SortHead column="joinedAt" label={t('admin:lasts')} isNumber {...head} />
          <th scope="col">{t('admin:actions')}</th>
        </tr>
      </thead>
      <tbody>
        {sorted(room.people, order, valueOf).map((person) => (
          <Fragment key={person.sid}>
            <tr data-testid="person-row" data-identity={person.identity} data-name={person.name}>
              <th scope="row">
                <bdi>{nameOf(person)}</bdi>
                <span className="admin-more">
                  <bdi>{[person.identity, person.client].filter(Boolean).join(' · ')}</bdi>
                </span>
              </th>
              <td className="number" data-testid="person-in" data-value={person.bitrateIn}>
                {bitrate(person.bitrateIn)}
              </td>
              <td className="number" data-testid="person-out" data-value={person.bitrateOut}>
                {bitrate(person.bitrateOut)}
              </td>
              <td className="number">{share(person.lossIn)}</td>
              <td className="number">{share(person.lossOut)}</td>
              <td className="number">{milliseconds(person.rtt)}</td>
              <td className="number">{person.estimate === null ? '–' : bitrate(person.estimate)}</td>
              <td className="number">{duration((Date.now() - person.joinedAt) / 1000)}</td>
              <td>
                <button
                  type="button"
                  className="button button-danger admin-action"
                  data-testid="remove-person"
                  aria-label={t('admin:remove-named', { name: nameOf(person) })}
                  onClick={() =>
                    onAction({
                      kind: 'remove',
                      room: room.name,
                      identity: person.identity,
                      name: nameOf(person),
                    })
                  }
                >
                  {t('admin:remove')}
                </button>
              </td>
            </tr>
            {person.tracks.map((track) => (
              <TrackRow key={track.sid} room={room.name} person={person} track={track} onAction={onAction} />
            ))}
          </Fragment>
        ))}
      </tbody>
    </table>
  );
}

interface TrackProps {
  room: string;
  person: PersonLine;
  track: TrackLine;
  onAction: (action: Action) => void;
}

function TrackRow({ room, person, track, onAction }: TrackProps) {
  const t = useT();
  const source = nameOfSource(track.source, t) ?? (track.name || track.source);
  return (
    <tr className="admin-track" data-testid="track-row" data-source={track.source} data-muted={track.isMuted}>
      <th scope="row">
        {source} <span className="admin-more-inline">{codecOf(track.mimeType)}</span>
        {track.isMuted ? (
          <span className="admin-muted">
            <MicOff aria-hidden="true" /> {t('admin:muted')}
          </span>
        ) : null}
      </th>
      <td className="number" data-testid="track-in" data-value={track.bitrateIn}>
        {bitrate(track.bitrateIn)}
      </td>
      <td className="number" data-testid="track-out" data-value={track.bitrateOut}>
        {bitrate(track.bitrateOut)}
      </td>
      <td className="number">{share(track.lossIn)}</td>
      <td className="number">{share(track.lossOut)}</td>
      <td colSpan={3}>{track.subscribers === null ? null : t('admin:received-by', { count: track.subscribers })}</td>
      <td>
        <button
          type="button"
          className="button admin-action"
          data-testid="mute-track"
          disabled={track.isMuted}
          aria-label={t('admin:mute-named', { source, name: nameOf(person) })}
          onClick={() =>
            onAction({
              kind: 'mute',
              room,
              identity: person.identity,
              name: nameOf(person),
              track: track.sid,
              source,
            })
          }
        >
          {t('admin:mute')}
        </button>
      </td>
    </tr>
  );
}

function valueOf(person: PersonLine, column: Column): string | number | null {
  return column === 'name' ? nameOf(person) : person[column];
}

function nameOf(person: PersonLine): string {
  return person.name || person.identity;
}
