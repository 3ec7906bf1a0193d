// The notices on screen, and what only screen readers get.
import { CircleAlert, CircleCheck, Info, TriangleAlert, X } from 'lucide-react';
import { IconButton } from '../design/IconButton';
import { useT } from '../i18n/i18n';
import { useServices } from '../shell/services';
import { useStore } from '../state/store';
import { AnnouncerView } from './AnnouncerView';
import type { Notice, Tone } from './notices';
import './notices.css';

const ICONS: Record<Tone, typeof Info> = { info: Info, good: CircleCheck, warning: TriangleAlert, bad: CircleAlert };

export function NoticeList() {
  const t = useT();
  const { notices } = useServices();
  const shown = useStore(notices.shown);
  return (
    <>
      <section className="notices" aria-label={t('notices:notices')}>
        {shown.map((notice) => (
          <NoticeView key={notice.slot} notice={notice} onDismiss={() => notices.dismiss(notice.slot)} />
        ))}
      </section>
      <AnnouncerView />
    </>
  );
}

function NoticeView({ notice, onDismiss }: { notice: Notice; onDismiss: () => void }) {
  const t = useT();
  const Icon = ICONS[notice.tone];
  const { action, otherAction } = notice;
  return (
    <div className="notice" data-testid="notice" data-kind={notice.kind} data-tone={notice.tone}>
      <Icon aria-hidden="true" />
      <p>{notice.text}</p>
      {[action, otherAction].map((each) =>
        each ? (
          <button
            key={each.label}
            type="button"
            className="button notice-action"
            data-testid="notice-action"
            onClick={each.run}
          >
            {each.label}
          </button>
        ) : null,
      )}
      {/* Gone by itself before anybody could aim at a button. */}
      {notice.kind === 'presence' ? null : <IconButton label={t('notices:dismiss')} icon={X} onClick={onDismiss} />}
    </div>
  );
}
