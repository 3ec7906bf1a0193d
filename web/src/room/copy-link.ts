// Puts the address of the room into the clipboard, or shows it where the browser does not let us.
import { t } from '../i18n/i18n';
import type { Notices } from '../notices/notices';

export async function copyLink(notices: Notices, href: string = location.href): Promise<void> {
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
