// The people of one room, and under each what it publishes.
import { MicOff } from 'lucide-react';
import { Fragment } from 'react';
import { useT, type t as say } from '../i18n/i18n';
import type { Action } from './admin';
import type { PersonLine, RoomDetail, TrackLine } from './api';
import { bitrate, duration, milliseconds, share } from './format';
import { codecOf, nameOfSource } from './source';
import { SortHeads, sorted, useOrder } from './sorting';

/** Those that tracks have, too. */
const OF_TRACK = ['bitrateIn', 'bitrateOut', 'lossIn', 'lossOut'] as const;
type Figure = (typeof OF_TRACK)[number];
const NUMBERS = [...OF_TRACK, 'rtt', 'estimate', 'joinedAt'] as const;
/** Where nobody counts what flows. */
const WITHOUT_FIGURES = ['joinedAt'] as const;
type Column = 'name' | (typeof NUMBERS)[number];

interface Props {
  room: RoomDetail;
  hasFigures: boolean;
  onAction: (action: Action) => void;
}

export function PeopleTable({ room, hasFigures, onAction }: Props) {
  const t = useT();
  const numbers = hasFigures ? NUMBERS : WITHOUT_FIGURES;
  const [order, choose] = useOrder<Column>('name');
  const labels = labelsOf(t);
  if (room.people.length === 0) return <p className="admin-nothing">{t('admin:nobody')}</p>;
  return (
    <table className="admin-table" data-testid="people-table">
      <caption>{t('admin:people-in', { room: room.name })}</caption>
      <thead>
        <SortHeads numbers={numbers} labels={labels} order={order} onChoose={choose} />
      </thead>
      <tbody>
        {sorted(room.people, order, valueOf).map((person) => (
          <Fragment key={person.sid}>
            <tr data-testid="person-row" data-identity={person.identity} data-name={person.name}>
              <th scope="row">
                <bdi>{nameOf(person)}</bdi>
                <span className="admin-more admin-identity" title={person.identity}>
                  <bdi>{person.identity}</bdi>
                </span>
                {person.client ? (
                  <span className="admin-more">
                    <bdi>{person.client}</bdi>
                  </span>
                ) : null}
              </th>
              {numbers.map((column) => (
                <td
                  key={column}
                  className="number"
                  data-label={labels[column]}
                  data-testid={`person-${column}`}
                  data-value={person[column]}
                >
                  <bdi dir="ltr">{textOf(person, column)}</bdi>
                </td>
              ))}
              <td className="actions">
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
              <TrackRow
                key={track.sid}
                room={room.name}
                person={person}
                track={track}
                hasFigures={hasFigures}
                onAction={onAction}
              />
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
  hasFigures: boolean;
  onAction: (action: Action) => void;
}

function TrackRow({ room, person, track, hasFigures, onAction }: TrackProps) {
  const t = useT();
  const [numbers, ofTrack] = hasFigures ? [NUMBERS, OF_TRACK] : [WITHOUT_FIGURES, []];
  const labels = labelsOf(t);
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
      {ofTrack.map((column) => (
        <td
          key={column}
          className="number"
          data-label={labels[column]}
          data-testid={`track-${column}`}
          data-value={track[column]}
        >
          <bdi dir="ltr">{figureOf(track, column)}</bdi>
        </td>
      ))}
      <td className="admin-received" colSpan={numbers.length - ofTrack.length}>
        {track.subscribers === null ? null : t('admin:received-by', { count: track.subscribers })}
      </td>
      <td className="actions">
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

function figureOf(line: Pick<PersonLine, Figure>, column: Figure): string {
  return column === 'bitrateIn' || column === 'bitrateOut' ? bitrate(line[column]) : share(line[column]);
}

function textOf(person: PersonLine, column: (typeof NUMBERS)[number]): string {
  switch (column) {
    case 'rtt':
      return milliseconds(person.rtt);
    case 'estimate':
      return person.estimate === null ? '–' : bitrate(person.estimate);
    case 'joinedAt':
      return duration((Date.now() - person.joinedAt) / 1000);
    default:
      return figureOf(person, column);
  }
}

function labelsOf(t: typeof say): Record<Column, string> {
  return {
    name: t('admin:person'),
    bitrateIn: t('admin:incoming'),
    bitrateOut: t('admin:outgoing'),
    lossIn: t('admin:loss-in'),
    lossOut: t('admin:loss-out'),
    rtt: t('admin:rtt'),
    estimate: t('admin:estimate'),
    joinedAt: t('admin:lasts'),
  };
}

function nameOf(person: PersonLine): string {
  return person.name || person.identity;
}
