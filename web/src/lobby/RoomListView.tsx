// The rooms there are, live: how many are inside, who, and whether one gets in.
import { BellRing, Lock, Search, Users } from 'lucide-react';
import { memo, useDeferredValue, useId, useState } from 'react';
import { list, number } from '../i18n/format';
import { useT } from '../i18n/i18n';
import type { RoomSummary } from '../rooms/api';
import { useServices } from '../shell/services';
import { useStore } from '../state/store';
import { searchRooms } from './search';

/** Fewer rooms are found faster by looking. */
const SEARCH_FROM = 6;
/** So many are drawn at first, and more by each press: a list of a thousand is searched, not read. */
const PAGE = 50;
/** So many of those inside are named. */
const NAMED = 3;

interface Props {
  onJoin?: () => void;
  /** Said above the rooms, where other lists are near. */
  heading?: string;
}

export function RoomListView({ onJoin, heading }: Props) {
  const t = useT();
  const { rooms, call } = useServices();
  const { rooms: all, status } = useStore(rooms.view);
  const { room: joined } = useStore(call.view);
  const [query, setQuery] = useState('');
  const [limit, setLimit] = useState(PAGE);
  const field = useId();
  const canSearch = all.length >= SEARCH_FROM || query !== '';
  const wanted = useDeferredValue(canSearch ? query.trim() : '');
  const found = searchRooms(all, wanted);
  const shown = found.slice(0, limit);
  const join = (name: string) => {
    void call.join(name);
    onJoin?.();
  };
  return (
    <div className="rooms" aria-busy={status === 'loading'}>
      {heading !== undefined && all.length > 0 ? <h3>{heading}</h3> : null}
      {status === 'stale' ? (
        <p className="rooms-stale" role="status">
          {t('lobby:stale')}
        </p>
      ) : null}
      {canSearch ? (
        <div className="room-search">
          <Search aria-hidden="true" />
          <input
            id={field}
            type="search"
            className="input"
            data-testid="room-search"
            aria-label={t('home:search')}
            placeholder={t('home:search')}
            autoComplete="off"
            value={query}
            onChange={(event) => {
              setQuery(event.target.value);
              setLimit(PAGE);
            }}
          />
          <p className="for-screen-readers" role="status">
            {wanted === '' ? '' : t('home:found', { count: found.length })}
          </p>
        </div>
      ) : null}
      {all.length === 0 && status === 'live' ? (
        <p className="rooms-empty" data-testid="rooms-empty">
          {t('lobby:empty')}
        </p>
      ) : found.length === 0 && wanted !== '' ? (
        <p className="rooms-empty" data-testid="rooms-none-found">
          {t('home:none_found', { query: wanted })}
        </p>
      ) : null}
      <ul className="room-list" data-testid="room-list" aria-label={t('lobby:rooms')}>
        {shown.map((room) => (
          <li key={room.name}>
            <RoomRow room={room} isJoined={room.name === joined} onJoin={join} />
          </li>
        ))}
        {found.length > shown.length ? (
          <li>
            <button
              type="button"
              className="button show-more"
              data-testid="show-more"
              onClick={() => setLimit(limit + 2 * PAGE)}
            >
              {t('home:more', { count: Math.min(2 * PAGE, found.length - shown.length) })}
            </button>
          </li>
        ) : null}
      </ul>
    </div>
  );
}

interface RowProps {
  room: RoomSummary;
  isJoined: boolean;
  onJoin: (name: string) => void;
}

function RoomRowView({ room, isJoined, onJoin }: RowProps) {
  const t = useT();
  const names = useNames(room);
  const isFull = room.maxParticipants > 0 && room.participantCount >= room.maxParticipants;
  return (
    <button
      type="button"
      className="room-row"
      data-testid="room-row"
      data-room={room.name}
      data-full={isFull}
      aria-current={isJoined ? 'true' : undefined}
      onClick={() => onJoin(room.name)}
    >
      <span className="room-row-words">
        <span className="room-row-name name" dir="auto" title={room.name}>
          {room.name}
        </span>
        <span className="room-row-more">
          {isFull ? <span className="room-state">{t('home:full')}</span> : null}
          {room.isLocked ? (
            <span className="room-state" data-testid="room-locked">
              <Lock aria-hidden="true" /> {t('home:locked')}
            </span>
          ) : room.hasWaitingRoom ? (
            <span className="room-state" data-testid="room-knock">
              <BellRing aria-hidden="true" /> {t('home:knock')}
            </span>
          ) : null}
          {names ? (
            <span className="room-row-people name" dir="auto" data-testid="room-people" title={names}>
              {names}
            </span>
          ) : null}
        </span>
      </span>
      <Users aria-hidden="true" />
      <span className="room-count" data-testid="room-count" dir="ltr">
        {number(room.participantCount)} / {number(room.maxParticipants)}
      </span>
    </button>
  );
}

/** Drawn anew only if something of it changed: each change anywhere fetches the whole list. */
const RoomRow = memo(
  RoomRowView,
  (before, after) => before.isJoined === after.isJoined && isSame(before.room, after.room),
);

function isSame(one: RoomSummary, other: RoomSummary): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** “Ada, Bob, Carol and 3 others”, as the language joins them; empty where nobody is named. */
function useNames({ people, participantCount }: RoomSummary): string {
  const t = useT();
  if (people.length === 0) return '';
  const named = people.slice(0, NAMED);
  const others = Math.max(people.length, participantCount) - named.length;
  const parts = others > 0 ? [...named, t('home:others', { count: others })] : named;
  return list(parts);
}
