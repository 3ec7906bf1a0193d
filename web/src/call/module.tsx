// All of a call in one module, fetched by `shell/call-loader`: home must not import it, nor anything that needs the client library.
import { setLogLevel } from 'livekit-client';
import { RoomPage } from '../room/RoomPage';
import type { CallCode } from '../shell/call-loader';
import { breath } from '../shell/idle';
import type { Services } from '../shell/services';
import { CallServicesContext, startCallServices } from './services';
import { Session } from './session';

setLogLevel('warn');

export function startCall(home: Services): CallCode {
  const { services, features } = startCallServices(home);
  return {
    session: async (events, key) => {
      // What encrypts is fetched by those alone who encrypt.
      const encryption = key === null ? null : await (await import('../encryption/worker')).startEncryption(key);
      // A library that was just read has made a long task already.
      await breath();
      return new Session(home.media, events, features, encryption);
    },
    forget: () => {
      for (const feature of features) feature.reset();
    },
    Page: ({ room }) => (
      <CallServicesContext value={services}>
        <RoomPage room={room} />
      </CallServicesContext>
    ),
  };
}
