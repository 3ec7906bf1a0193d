// The English files tell the compiler which keys there are: one line for each feature folder.
import 'i18next';
import type call from './locales/en/call.json';
import type design from './locales/en/design.json';
import type lobby from './locales/en/lobby.json';
import type media from './locales/en/media.json';
import type notices from './locales/en/notices.json';
import type rooms from './locales/en/rooms.json';
import type settings from './locales/en/settings.json';
import type shell from './locales/en/shell.json';

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'shell';
    keySeparator: false;
    resources: {
      call: typeof call;
      design: typeof design;
      lobby: typeof lobby;
      media: typeof media;
      notices: typeof notices;
      rooms: typeof rooms;
      settings: typeof settings;
      shell: typeof shell;
    };
  }
}
