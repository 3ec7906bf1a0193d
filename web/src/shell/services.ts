// The parts that decide at home, made once and wired to each other; components reach them through a context. Those of a call are in
// `call/services`.
import { createContext, useContext } from 'react';
import { Call } from '../call/call';
import { t } from '../i18n/i18n';
import { takeToken, withToken } from '../embed/held-token';
import type { AddressOptions } from '../embed/options';
import { Keys } from '../encryption/key';
import { LocalMedia } from '../media/local-media';
import { ownDevices } from '../media/own-devices';
import { deviceNotice, type DeviceNotice } from '../media/problems';
import { Notices } from '../notices/notices';
import { videoApi, type VideoApi } from '../rooms/api';
import { followHub } from '../rooms/hub';
import { RoomList } from '../rooms/room-list';
import { storageOf } from '../state/storage';
import { basePath, roomOfPath } from './address';
import { CallLoader } from './call-loader';
import { followAddress, joinAddress } from './follow-address';
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
  keys: Keys;
  options: AddressOptions;
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
    key: (of) => keys.of(of),
  });
  const preferences = new Preferences(storage);
  const services: Services = { api, person, media, notices, rooms, call, callLoader, preferences, keys, options };
  beginAs(options, person, media);
  tellDeviceProblems(media, notices);
  // Shown again out of the browser's memory: the call ended when the page was left.
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) location.reload();
  });
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
