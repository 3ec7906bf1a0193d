// The English files tell the compiler which keys there are: one line for each feature folder.
import 'i18next';
import type admin from './locales/en/admin.json';
import type access from './locales/en/access.json';
import type background from './locales/en/background.json';
import type call from './locales/en/call.json';
import type captions from './locales/en/captions.json';
import type chat from './locales/en/chat.json';
import type checkup from './locales/en/checkup.json';
import type connection from './locales/en/connection.json';
import type design from './locales/en/design.json';
import type home from './locales/en/home.json';
import type invite from './locales/en/invite.json';
import type lobby from './locales/en/lobby.json';
import type media from './locales/en/media.json';
import type moderation from './locales/en/moderation.json';
import type notices from './locales/en/notices.json';
import type people from './locales/en/people.json';
import type reactions from './locales/en/reactions.json';
import type room from './locales/en/room.json';
import type rooms from './locales/en/rooms.json';
import type settings from './locales/en/settings.json';
import type embed from './locales/en/embed.json';
import type encryption from './locales/en/encryption.json';
import type shell from './locales/en/shell.json';
import type stage from './locales/en/stage.json';

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'shell';
    keySeparator: false;
    resources: {
      admin: typeof admin;
      access: typeof access;
      background: typeof background;
      call: typeof call;
      captions: typeof captions;
      chat: typeof chat;
      checkup: typeof checkup;
      connection: typeof connection;
      design: typeof design;
      home: typeof home;
      invite: typeof invite;
      lobby: typeof lobby;
      media: typeof media;
      moderation: typeof moderation;
      notices: typeof notices;
      people: typeof people;
      reactions: typeof reactions;
      room: typeof room;
      rooms: typeof rooms;
      settings: typeof settings;
      embed: typeof embed;
      encryption: typeof encryption;
      shell: typeof shell;
      stage: typeof stage;
    };
  }
}
