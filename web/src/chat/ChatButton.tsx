// Opens and closes the chat, and counts what was not read.
import { MessageSquare } from 'lucide-react';
import { useCallServices } from '../call/services';
import { IconButton } from '../design/IconButton';
import { useStore } from '../state/store';

interface Props {
  isOpen: boolean;
  onToggle: () => void;
}

export function ChatButton({ isOpen, onToggle }: Props) {
  const { unread } = useStore(useCallServices().chat.view);
  return (
    <span className="with-badge">
      <IconButton
        label={unread > 0 ? `Chat, ${unread} unread` : 'Chat'}
        tip="Chat"
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
