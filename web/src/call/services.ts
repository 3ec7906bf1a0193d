// What a call needs beside what home has: the parts that decide in a room, made once when the call's code is there.
import { createContext, useContext } from 'react';
import { Captions } from '../captions/captions';
import { Chat } from '../chat/chat';
import { Files } from '../chat/files';
import { ConnectionMonitor } from '../connection/monitor';
import { WeakUpload } from '../connection/weak-upload';
import { moderationApi } from '../moderation/api';
import { Moderation } from '../moderation/moderation';
import { People } from '../people/people';
import { Reactions } from '../reactions/reactions';
import { Encryption } from '../encryption/encryption';
import type { Services } from '../shell/services';
import { announceStage } from '../stage/announcing';
import { FullScreen } from '../stage/full-screen';
import { PictureInPicture } from '../stage/picture-in-picture';
import { StageState } from '../stage/stage-state';
import { storageOf } from '../state/storage';
import { usePart } from '../state/store';
import { sessionOf } from './call';
import type { Feature } from './feature';
import type { SessionView } from './session';
import { keepScreenOn } from './wake-lock';

export interface CallServices extends Services {
  chat: Chat;
  people: People;
  moderation: Moderation;
  reactions: Reactions;
  captions: Captions;
  encryption: Encryption;
  stage: StageState;
  fullScreen: FullScreen;
  pictureInPicture: PictureInPicture;
  connection: ConnectionMonitor;
  weakUpload: WeakUpload;
}

/** The services, and what goes on in a room beside media. */
export function startCallServices(home: Services): { services: CallServices; features: readonly Feature[] } {
  const { api, media, notices } = home;
  // Not in every browser, whatever the type says.
  keepScreenOn(document, home.call.view, (navigator as { wakeLock?: WakeLock }).wakeLock);
  const files = new Files();
  const chat = new Chat({ api, notices, files });
  const people = new People(notices);
  const moderation = new Moderation({ api: moderationApi(), media, notices });
  const reactions = new Reactions(notices);
  const captions = new Captions(storageOf('localStorage'));
  const encryption = new Encryption(notices);
  const weakUpload = new WeakUpload(notices);
  chat.view.subscribe(() => home.title.unread.set(chat.view.get().unread));
  return {
    services: { ...home, chat, people, moderation, reactions, captions, encryption, weakUpload, ...viewOf(home) },
    features: [files, chat, people, moderation, reactions, captions, encryption, weakUpload],
  };
}

/** How the call is looked at. Full screen and the small window end with it. */
function viewOf({ call, notices }: Services) {
  const stage = new StageState(call.view, storageOf('localStorage'));
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

export const CallServicesContext = createContext<CallServices | null>(null);

export function useCallServices(): CallServices {
  const services = useContext(CallServicesContext);
  if (!services) throw new Error('a component that uses the services of a call is outside of CallServicesContext');
  return services;
}

/** A part of what the session shows. Its tiles change whenever somebody begins to speak: what draws none of them rests. */
export function useSession<P>(part: (session: SessionView) => P): P {
  return usePart(useCallServices().call.view, (view) => part(sessionOf(view)));
}
