// The rooms there are, live.
import { Users } from 'lucide-react';
import { number } from '../i18n/format';
import { useT } from '../i18n/i18n';
import { useServices } from '../shell/services';
import { useStore } from '../state/store';

export function RoomListView({ onJoin }: { onJoin?: () => void }) {
  const t = useT();
  const { rooms, call } = useServices();
  const { rooms: all, status } = useStore(rooms.view);
  const { room: joined } = useStore(call.view);
  return (
    <div className="rooms" aria-busy={status === 'loading'}>
      {status === 'stale' ? (
        <p className="rooms-stale" role="status">
          {t('lobby:stale')}
        </p>
      ) : null}
      {all.length === 0 && status === 'live' ? (
        <p className="rooms-empty" data-testid="rooms-empty">
          {t('lobby:empty')}
        </p>
      ) : null}
      <ul className="room-list" data-testid="room-list" aria-label={t('lobby:rooms')}>
        {all.map((room) => {
          const isFull = room.maxParticipants > 0 && room.participantCount >= room.maxParticipants;
          return (
            <li key={room.name}>
              <button
                type="button"
                className="room-row"
                data-testid="room-row"
                data-room={room.name}
                data-full={isFull}
                aria-current={room.name === joined ? 'true' : undefined}
                onClick={() => {
                  void call.join(room.name);
                  onJoin?.();
                }}
              >
                <span className="room-row-name" title={room.name}>
                  {room.name}
                </span>
                <Users aria-hidden="true" />
                <span className="room-count" data-testid="room-count" dir="ltr">
                  {number(room.participantCount)} / {number(room.maxParticipants)}
                </span>
              </button>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
