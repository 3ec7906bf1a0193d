// Tells what came of devices that were plugged in or pulled out, and that the system lets nothing through from one that is on.
import { t } from '../i18n/i18n';
import type { LocalMedia } from '../media/local-media';
import type { DeviceNews } from '../media/plugging';
import type { Notices } from '../notices/notices';
import type { Readable } from '../state/store';

/** Long enough to go and press the button. */
const OFFER_LASTS = 20_000;
const NEWS_LASTS = 6_000;

export function tellDeviceNews(media: LocalMedia, notices: Notices): void {
  media.news.subscribe(() => {
    // One notice: of what is most pressing.
    const news = media.news.get();
    const most = (['gone', 'taken', 'offered'] as const)
      .map((what) => news.find((each) => each.what === what))
      .find((each) => each !== undefined);
    if (!most || most.label === '') return;
    const { what, devices } = most;
    const device = nameOf(most);
    const use = () => {
      notices.dismiss('plugging');
      for (const kind of ['camera', 'microphone', 'speaker'] as const) {
        const chosen = devices[kind];
        if (chosen) media.choose(kind, chosen);
      }
    };
    notices.show({
      slot: 'plugging',
      kind: `device-${what}`,
      tone: what === 'gone' ? 'warning' : 'info',
      text: t(`media:news.${what}`, { device }),
      lasts: what === 'offered' ? OFFER_LASTS : NEWS_LASTS,
      ...(what === 'offered' && { action: { label: t('media:news.use'), run: use } }),
    });
  });
}

/** At home the meter says it of the microphone, and nobody misses the person. */
export function tellHeld(media: LocalMedia, call: Readable<{ room: string | null }>, notices: Notices): void {
  let told: string | null = null;
  const tell = () => {
    const wishes = media.wishes.get();
    const held = (['microphone', 'camera'] as const).find((kind) => {
      const state = media[kind].state.get();
      return call.get().room !== null && wishes[kind] && state.status === 'live' && state.isHeld;
    });
    if ((held ?? null) === told) return;
    told = held ?? null;
    if (!held) {
      notices.dismiss('held');
      return;
    }
    notices.show({
      slot: 'held',
      kind: `held-${held}`,
      tone: 'warning',
      text: t(`media:held.${held}`),
      lasts: null,
      action: { label: t('access:try_again'), run: () => media[held].wake() },
    });
  };
  for (const state of [media.camera.state, media.microphone.state, media.wishes, call]) state.subscribe(tell);
}

/** Chromium ends names with the numbers of the maker and the thing, which say nothing to people. */
function nameOf({ label }: DeviceNews): string {
  return label.replace(/\s*\([0-9a-f]{4}:[0-9a-f]{4}\)$/i, '');
}
