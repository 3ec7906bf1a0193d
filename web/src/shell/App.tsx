// The whole page: home or a room, and the notices over both.
import { HomePage } from '../lobby/HomePage';
import { NoticeList } from '../notices/NoticeList';
import { RoomPage } from '../room/RoomPage';
import { useStore } from '../state/store';
import { ServicesContext, type Services } from './services';

export function App({ services }: { services: Services }) {
  const view = useStore(services.call.view);
  return (
    <ServicesContext value={services}>
      {view.room === null ? <HomePage /> : <RoomPage view={view} />}
      <NoticeList />
    </ServicesContext>
  );
}
