// Opens and closes the chat, and counts what was not read.
import { MessageSquare } from 'lucide-react';
import { useCallServices } from '../call/services';
import { IconButton } from '../design/IconButton';
import { useT } from '../i18n/i18n';
import { useStore } from '../state/store';

interface Props {
  isOpen: boolean;
  onToggle: () => void;
}

export function ChatButton({ isOpen, onToggle }: Props) {
  const t = useT();
  const { unread } = useStore(useCallServices().chat.view);
  return (
    <span className="with-badge">
      <IconButton
        label={unread > 0 ? t('chat:chatUnread', { count: unread }) : t('chat:chat')}
        tip={t('chat:chat')}
        icon={MessageSquare}
        testId="toggle-chat"
        aria-expanded={isOpen}
        className="control control-panel"
        onClick={onToggle}
      />
      {unread > 0 ? (
        <span className="badge" data-testid="unread" aria-hidden="true">
          {unread > 99 ? '99+' : unread}
        </span>
      ) : null}
    </span>
  );
}
