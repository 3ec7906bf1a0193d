// Tells in a call, where no preview does, why others get no picture or no sound of the person; and anywhere that a background could not
// be blurred.
import { t } from '../i18n/i18n';
import type { LocalMedia } from '../media/local-media';
import type { Notices } from '../notices/notices';
import type { Readable } from '../state/store';
import { ownSurroundings } from './browser';
import { currentTrouble } from './trouble';
import { wayBack } from './way-back';

export function tellTrouble(media: LocalMedia, call: Readable<{ room: string | null }>, notices: Notices): void {
  let told: string | null = null;
  const tell = () => {
    const trouble = call.get().room === null ? null : currentTrouble(media);
    const kind = trouble && `${trouble.problem}-${trouble.of}`;
    if (kind === told) return;
    told = kind;
    if (!trouble || !kind) {
      notices.dismiss('devices');
      return;
    }
    const { what, how } = wayBack(trouble, ownSurroundings());
    notices.show({
      slot: 'devices',
      kind,
      text: `${what} ${how} ${t('access:still')}`,
      tone: 'warning',
      lasts: null,
      action: { label: t('access:try_again'), run: () => void media.turnOn() },
    });
  };
  for (const state of [media.camera.state, media.microphone.state, media.wishes, call]) state.subscribe(tell);
  tell();
  const { failure } = media.background;
  failure.subscribe(() => {
    if (failure.get() === null) notices.dismiss('background');
    else {
      notices.show({
        slot: 'background',
        kind: 'blur-failed',
        text: t('background:failed'),
        tone: 'bad',
        lasts: null,
        action: { label: t('background:unblur'), run: () => media.background.setBlurred(false) },
      });
    }
  });
}
