// The title of the page, which tells in a row of tabs, and to a screen reader that comes back, where one is and whether somebody has
// written. It follows the language.
import { currentLanguage, onLanguage, t } from '../i18n/i18n';
import { Store, type Readable } from '../state/store';
import { installationName } from '../theme/installation';

export interface Where {
  room: string | null;
  isWaiting: boolean;
  /** Was in a room, in a page that has no home. */
  hasLeft: boolean;
  unread: number;
}

export function titleOf({ room, isWaiting, hasLeft, unread }: Where): string {
  const name = installationName();
  if (hasLeft) return `${t('shell:title.left')} · ${name}`;
  if (room === null) return name;
  if (isWaiting) return `${t('shell:title.waiting')} · ${room} · ${name}`;
  const number = unread > 0 ? `(${new Intl.NumberFormat(currentLanguage()).format(unread)}) ` : '';
  return `${number}${room} · ${name}`;
}

interface Parts {
  view: Readable<{ room: string | null }>;
  isWaiting: Readable<boolean>;
}

export class Title {
  /** Messages that nobody has seen here; the call tells. */
  readonly unread = new Store(0);

  /** `home`: the room to go back to where there is no home, as in a page that embeds us. */
  follow({ view, isWaiting }: Parts, page: { title: string }, home: string | null): void {
    let wasIn = false;
    const tell = () => {
      const { room } = view.get();
      wasIn ||= room !== null;
      const hasLeft = home !== null && room === null && wasIn;
      page.title = titleOf({ room: room ?? home, isWaiting: isWaiting.get(), hasLeft, unread: this.unread.get() });
    };
    for (const store of [view, isWaiting, this.unread]) store.subscribe(tell);
    onLanguage(tell);
    tell();
  }
}
