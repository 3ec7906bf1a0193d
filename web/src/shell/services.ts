// The parts that decide at home, made once and wired to each other; components reach them through a context. Those of a call are in
// `call/services`.
import { createContext, useContext } from 'react';
import { tellDeviceNews, tellHeld } from '../access/device-news';
import { tellTrouble } from '../access/telling';
import { Call } from '../call/call';
import { takeToken, withToken } from '../embed/held-token';
import type { AddressOptions } from '../embed/options';
import { Keys } from '../encryption/key';
import { LocalMedia } from '../media/local-media';
import { ownDevices } from '../media/own-devices';
import { Notices } from '../notices/notices';
import { videoApi, type VideoApi } from '../rooms/api';
import { followHub } from '../rooms/hub';
import { Recents } from '../rooms/recents';
import { RoomList } from '../rooms/room-list';
import { storageOf } from '../state/storage';
import { basePath, roomOfPath } from './address';
import { CallLoader } from './call-loader';
import { followAddress, joinAddress } from './follow-address';
import { breath, painted } from './idle';
import { OwnPerson } from './person';
import { Preferences } from './preferences';
import { Title } from './title';
import { Waking } from './waking';

export interface Services {
  api: VideoApi;
  person: OwnPerson;
  media: LocalMedia;
  notices: Notices;
  rooms: RoomList;
  recents: Recents;
  call: Call;
  callLoader: CallLoader;
  preferences: Preferences;
  keys: Keys;
  options: AddressOptions;
  title: Title;
}

export async function startServices(options: AddressOptions, server: VideoApi = videoApi()): Promise<Services> {
  const room = roomOfPath(location.pathname, basePath());
  const token = room === null ? null : takeToken(window);
  const api = token === null ? server : withToken(server, token);
  const storage = storageOf('localStorage');
  const session = storageOf('sessionStorage');
  const person = await OwnPerson.load(storage, session);
  const notices = new Notices();
  const media = new LocalMedia(ownDevices(), storage, session);
  const rooms = new RoomList(api);
  const keys = new Keys();
  const callLoader = new CallLoader({
    fetch: async () => {
      await painted();
      const { startCall } = await import('../call/module');
      await breath();
      return startCall(services);
    },
    reach: () => api.rooms(),
    reload: () => location.reload(),
  });
  const call = new Call({
    api,
    media,
    notices,
    person: () => ({ identity: person.identity, name: person.shownName() }),
    engine: () => callLoader.load(),
    key: (of) => keys.of(of),
  });
  const preferences = new Preferences(storage);
  const recents = recentsOf(call, storage);
  const services: Services = {
    api,
    person,
    media,
    notices,
    rooms,
    recents,
    call,
    callLoader,
    preferences,
    keys,
    options,
    title: new Title(),
  };
  beginAs(options, person, media);
  tellTrouble(media, call.view, notices);
  tellDeviceNews(media, notices);
  tellHeld(media, call.view, notices);
  new Waking(window).listen((wake) => {
    media.wake();
    call.wake(wake);
  });
  // Shown again out of the browser's memory: the call ended when the page was left.
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) location.reload();
  });
  services.title.follow(call, document, options.isEmbedded ? room : null);
  if (options.isEmbedded && room !== null) {
    joinAddress(call, keys, room, options.join);
    if (window.parent !== window) await speakToParent(services, room);
    return services;
  }
  followHub({
    roomsUpdated: () => void rooms.refresh(),
    connected: () => void rooms.refresh(),
    lost: () => rooms.lost(),
  });
  void rooms.refresh();
  followAddress(call, keys);
  return services;
}

/** Keeps the rooms that were entered, not those that did not let one in. */
function recentsOf(call: Call, storage: Storage | null): Recents {
  const recents = new Recents(storage);
  let entered: string | null = null;
  call.view.subscribe(() => {
    const view = call.view.get();
    const now = view.room !== null && view.connection === 'connected' ? view.room : null;
    if (now !== null && now !== entered) recents.add(now);
    if (now !== null || view.room === null) entered = now;
  });
  return recents;
}

/** What the address says of the person. */
function beginAs({ name, off }: AddressOptions, person: OwnPerson, media: LocalMedia): void {
  if (name !== null) person.introduce(name);
  for (const kind of ['camera', 'microphone'] as const) if (off[kind]) media.wish(kind, false);
}

async function speakToParent(services: Services, room: string): Promise<void> {
  const { Bridge, trustedOrigin } = await import('../embed/bridge');
  const { options } = services;
  const origin = trustedOrigin(options.parent, document.referrer, location.origin);
  const bridge = new Bridge({ page: window, origin, room, ...services });
  for (const problem of options.problems) bridge.problem(problem);
}

export const ServicesContext = createContext<Services | null>(null);

export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (!services) throw new Error('a component that uses the services is outside of ServicesContext');
  return services;
}
