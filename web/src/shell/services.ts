// The parts that decide, made once and wired to each other; components reach them through a context.
import { createContext, useContext } from 'react';
import { Call } from '../call/call';
import { Captions } from '../captions/captions';
import { Chat } from '../chat/chat';
import { Files } from '../chat/files';
import { ConnectionMonitor } from '../connection/monitor';
import { LocalMedia } from '../media/local-media';
import { ownDevices } from '../media/own-devices';
import { deviceNotice, type DeviceNotice } from '../media/problems';
import { Notices } from '../notices/notices';
import { People } from '../people/people';
import { Reactions } from '../reactions/reactions';
import { videoApi, type VideoApi } from '../rooms/api';
import { followHub } from '../rooms/hub';
import { RoomList } from '../rooms/room-list';
import { announceStage } from '../stage/announcing';
import { FullScreen } from '../stage/full-screen';
import { PictureInPicture } from '../stage/picture-in-picture';
import { StageState } from '../stage/stage-state';
import { storageOf } from '../state/storage';
import { basePath, pathOfRoom, roomOfPath } from './address';
import { OwnPerson } from './person';
import { Preferences } from './preferences';

export interface Services {
  person: OwnPerson;
  media: LocalMedia;
  notices: Notices;
  rooms: RoomList;
  call: Call;
  chat: Chat;
  people: People;
  reactions: Reactions;
  captions: Captions;
  preferences: Preferences;
  stage: StageState;
  fullScreen: FullScreen;
  pictureInPicture: PictureInPicture;
  connection: ConnectionMonitor;
}

export async function startServices(api: VideoApi = videoApi()): Promise<Services> {
  const storage = storageOf('localStorage');
  const session = storageOf('sessionStorage');
  const person = await OwnPerson.load(storage, session);
  const notices = new Notices();
  const media = new LocalMedia(ownDevices(), storage, session);
  const rooms = new RoomList(api);
  const files = new Files();
  const chat = new Chat({ api, notices, files });
  const people = new People(notices);
  const reactions = new Reactions(notices);
  const captions = new Captions(storage);
  const call = new Call({
    api,
    media,
    notices,
    person: () => ({ identity: person.identity, name: person.shownName() }),
    features: [files, chat, people, reactions, captions],
  });
  followHub({
    roomsUpdated: () => void rooms.refresh(),
    connected: () => void rooms.refresh(),
    lost: () => rooms.lost(),
  });
  void rooms.refresh();
  tellDeviceProblems(media, notices);
  followAddress(call);
  return {
    person,
    media,
    notices,
    rooms,
    call,
    chat,
    people,
    reactions,
    captions,
    preferences: new Preferences(storage),
    ...viewOf(call, notices, storage),
  };
}

/** How the call is looked at. Full screen and the small window end with it. */
function viewOf(call: Call, notices: Notices, storage: Storage | null) {
  const stage = new StageState(call.view, storage);
  const fullScreen = new FullScreen(document);
  const pictureInPicture = new PictureInPicture(window);
  const connection = new ConnectionMonitor(() => call.sample());
  announceStage(call.view, stage.view, (text) => notices.announce(text));
  fullScreen.view.subscribe(() => stage.showOnly(fullScreen.view.get().tile));
  call.view.subscribe(() => {
    if (call.view.get().room !== null) return;
    void fullScreen.leave();
    void pictureInPicture.close();
    connection.isOpen.set(false);
  });
  return { stage, fullScreen, pictureInPicture, connection };
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
        label: 'Try again',
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
