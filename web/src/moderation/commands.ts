// What a moderator can do to somebody, as items of a menu: at the person's tile and in the list of people.
import { MicOff, MonitorX, ShieldPlus, UserX, VideoOff, Mic } from 'lucide-react';
import type { MenuItem } from '../design/Menu';
import { t } from '../i18n/i18n';
import type { Moderation } from './moderation';

export interface Moderated {
  identity: string;
  name: string;
  isLocal: boolean;
  isModerator: boolean;
  isMuted: boolean;
  isCameraOff: boolean;
  isSharing: boolean;
}

export function commandsFor(moderation: Moderation, person: Moderated): MenuItem[] {
  const { identity, name } = person;
  if (!moderation.view.get().isModerator || person.isLocal) return [];
  const items: MenuItem[] = [];
  if (person.isMuted) {
    items.push({
      label: t('moderation:askToUnmute'),
      icon: Mic,
      testId: 'ask-to-unmute',
      run: () => void moderation.askToUnmute(identity, name),
    });
  } else {
    items.push({
      label: t('moderation:mute'),
      icon: MicOff,
      testId: 'mute',
      run: () => void moderation.mute(identity, 'microphone'),
    });
  }
  if (!person.isCameraOff) {
    items.push({
      label: t('moderation:stopCamera'),
      icon: VideoOff,
      testId: 'stop-camera',
      run: () => void moderation.mute(identity, 'camera'),
    });
  }
  if (person.isSharing) {
    items.push({
      label: t('moderation:stopScreen'),
      icon: MonitorX,
      testId: 'stop-screen',
      run: () => void moderation.mute(identity, 'screen_share'),
    });
  }
  if (!person.isModerator) {
    items.push({
      label: t('moderation:appoint'),
      icon: ShieldPlus,
      testId: 'appoint',
      run: () => void moderation.appoint(identity, name),
    });
  }
  items.push({
    label: t('moderation:remove'),
    icon: UserX,
    testId: 'remove',
    run: () => moderation.question.set({ kind: 'remove', identity, name }),
  });
  return items;
}
