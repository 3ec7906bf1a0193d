// The whole page: home or a room, and the notices over both.
import { useDeferredValue, useState } from 'react';
import { LeftPage } from '../embed/LeftPage';
import { HomePage } from '../lobby/HomePage';
import { WaitingPage } from '../moderation/WaitingPage';
import { AnnouncerContext } from '../notices/AnnouncerView';
import { NoticeList } from '../notices/NoticeList';
import { usePart, useStore } from '../state/store';
import { JoiningPage } from './JoiningPage';
import { ServicesContext, type Services } from './services';

export function App({ services }: { services: Services }) {
  const room = usePart(services.call.view, (view) => view.room);
  const isIn = usePart(services.call.view, (view) => view.room !== null && view.connection !== 'joining');
  const isWaiting = useStore(services.call.isWaiting);
  // Drawn in pieces, so that the page answers meanwhile: a room is the most that is ever drawn at once.
  const code = useDeferredValue(useStore(services.callLoader.code));
  const { isEmbedded } = services.options;
  const [wasIn, setWasIn] = useState(false);
  if (!wasIn && isIn) setWasIn(true);
  const [wasElsewhere, setWasElsewhere] = useState(false);
  if (!wasElsewhere && room !== null) setWasElsewhere(true);
  const outside = isEmbedded ? <LeftPage wasIn={wasIn} /> : <HomePage isBack={wasElsewhere} />;
  return (
    <ServicesContext value={services}>
      <AnnouncerContext value={services.notices.announcer}>
        {room === null ? (
          outside
        ) : isWaiting ? (
          <WaitingPage room={room} />
        ) : code ? (
          <code.Page room={room} />
        ) : (
          <JoiningPage room={room} />
        )}
        <NoticeList />
      </AnnouncerContext>
    </ServicesContext>
  );
}
