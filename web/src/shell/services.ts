// The parts that decide at home, made once and wired to each other; components reach them through a context. Those of a call are in
// `call/services`.
import { createContext, useContext } from 'react';
import { Call } from '../call/call';
import { t } from '../i18n/i18n';
import { LocalMedia } from '../media/local-media';
import { ownDevices } from '../media/own-devices';
import { deviceNotice, type DeviceNotice } from '../media/problems';
import { Notices } from '../notices/notices';
import { videoApi, type VideoApi } from '../rooms/api';
import { followHub } from '../rooms/hub';
import { RoomList } from '../rooms/room-list';
import { storageOf } from '../state/storage';
import { basePath, pathOfRoom, roomOfPath } from './address';
import { CallLoader } from './call-loader';
import { OwnPerson } from './person';
import { Preferences } from './preferences';

export interface Services {
  api: VideoApi;
  person: OwnPerson;
  media: LocalMedia;
  notices: Notices;
  rooms: RoomList;
  call: Call;
  callLoader: CallLoader;
  preferences: Preferences;
}

export async function startServices(api: VideoApi = videoApi()): Promise<Services> {
  const storage = storageOf('localStorage');
  const session = storageOf('sessionStorage');
  const person = await OwnPerson.load(storage, session);
  const notices = new Notices();
  const media = new LocalMedia(ownDevices(), storage, session);
  const rooms = new RoomList(api);
  const callLoader = new CallLoader({
    fetch: async () => (await import('../call/module')).startCall(services),
    reach: () => api.rooms(),
    reload: () => location.reload(),
  });
  const call = new Call({
    api,
    media,
    notices,
    person: () => ({ identity: person.identity, name: person.shownName() }),
    engine: () => callLoader.load(),
  });
  const preferences = new Preferences(storage);
  const services: Services = { api, person, media, notices, rooms, call, callLoader, preferences };
  followHub({
    roomsUpdated: () => void rooms.refresh(),
    connected: () => void rooms.refresh(),
    lost: () => rooms.lost(),
  });
  void rooms.refresh();
  tellDeviceProblems(media, notices);
  followAddress(call);
  return services;
}

/** Joins the room that the address names, and keeps the address of the room one is in. */
function followAddress(call: Call): void {
  const base = basePath();
  const go = () => {
    const room = roomOfPath(location.pathname, base);
    if (room === null) call.leave();
    else void call.join(room);
  };
  window.addEventListener('popstate', go);
  // Shown again out of the browser's memory: the call ended when the page was left.
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) location.reload();
  });
  go();
  const follow = () => {
    const { room } = call.view.get();
    const path = pathOfRoom(room, base);
    if (location.pathname !== path) history.pushState(null, '', path);
    document.title = room === null ? 'Visavis' : `${room} · Visavis`;
  };
  call.view.subscribe(follow);
  follow();
}

function tellDeviceProblems(media: LocalMedia, notices: Notices): void {
  let told: DeviceNotice | null = null;
  const tell = () => {
    const [camera, microphone] = [media.camera.state.get(), media.microphone.state.get()];
    const notice = deviceNotice(
      camera.status === 'failed' ? camera.problem : null,
      microphone.status === 'failed' ? microphone.problem : null,
    );
    if (notice?.text === told?.text) return;
    told = notice;
    if (!notice) {
      notices.dismiss('devices');
      return;
    }
    notices.show({
      slot: 'devices',
      ...notice,
      tone: 'warning',
      lasts: null,
      action: {
        label: t('media:tryAgain'),
        run: () => {
          media.camera.retry();
          media.microphone.retry();
        },
      },
    });
  };
  media.camera.state.subscribe(tell);
  media.microphone.state.subscribe(tell);
  tell();
}

export const ServicesContext = createContext<Services | null>(null);

export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (!services) throw new Error('a component that uses the services is outside of ServicesContext');
  return services;
}
