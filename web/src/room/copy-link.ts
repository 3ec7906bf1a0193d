// Puts the address of the room into the clipboard, or shows it where the browser does not let us.
import { t } from '../i18n/i18n';
import type { Notices } from '../notices/notices';

/** The address of the room with its key, without what else this page's address says: that is for whoever embeds it. */
export function linkToRoom(): string {
  return location.origin + location.pathname + location.hash;
}

export async function copyLink(notices: Notices, href: string = linkToRoom()): Promise<void> {
  try {
    await navigator.clipboard.writeText(href);
    notices.show({
      slot: 'copied',
      kind: 'copied',
      tone: 'good',
      text: t('room:copied'),
      lasts: 4_000,
    });
  } catch {
    notices.show({ slot: 'copied', kind: 'copied', tone: 'info', text: t('room:link', { href }), lasts: null });
  }
}
