// The whole page: home or a room, and the notices over both.
import { HomePage } from '../lobby/HomePage';
import { NoticeList } from '../notices/NoticeList';
import { useStore } from '../state/store';
import { JoiningPage } from './JoiningPage';
import { ServicesContext, type Services } from './services';

export function App({ services }: { services: Services }) {
  const view = useStore(services.call.view);
  const code = useStore(services.callLoader.code);
  return (
    <ServicesContext value={services}>
      {view.room === null ? <HomePage /> : code ? <code.Page view={view} /> : <JoiningPage room={view.room} />}
      <NoticeList />
    </ServicesContext>
  );
}
