// Beside the button that leaves, for moderators: ending the call for all.
import { ChevronUp, DoorClosed } from 'lucide-react';
import { useState } from 'react';
import { useCallServices } from '../call/services';
import { Menu } from '../design/Menu';
import { useT } from '../i18n/i18n';
import { useStore } from '../state/store';
import './moderation.css';

export function LeaveMenu() {
  const t = useT();
  const { moderation } = useCallServices();
  const { isModerator } = useStore(moderation.view);
  const [at, setAt] = useState<DOMRect | null>(null);
  if (!isModerator) return null;
  const end = {
    label: t('moderation:endForAll'),
    icon: DoorClosed,
    testId: 'leave-end',
    run: () => moderation.question.set({ kind: 'end' }),
  };
  return (
    <>
      <button
        type="button"
        className="leave leave-more"
        data-testid="leave-options"
        aria-label={t('moderation:leaveOptions')}
        title={t('moderation:leaveOptions')}
        aria-haspopup="menu"
        aria-expanded={at !== null}
        onClick={(event) => setAt(event.currentTarget.getBoundingClientRect())}
      >
        <ChevronUp aria-hidden="true" />
      </button>
      {at ? (
        <Menu
          label={t('moderation:leaveOptions')}
          testId="leave-menu"
          items={[end]}
          at={at}
          align="end"
          onClose={() => setAt(null)}
        />
      ) : null}
    </>
  );
}
