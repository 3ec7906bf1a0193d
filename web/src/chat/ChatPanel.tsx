// The chat beside the stage: what was said, and a line to write.
import { ArrowDown } from 'lucide-react';
import { useEffect, useLayoutEffect, useRef, useState, type DragEvent } from 'react';
import { useCallServices } from '../call/services';
import { SidePanel } from '../design/SidePanel';
import { useT } from '../i18n/i18n';
import { useStore } from '../state/store';
import { Composer } from './Composer';
import type { Message } from './message';
import { MessageView } from './MessageView';
import './chat.css';

/** Messages of one person this near to each other stand under one name. */
const TOGETHER = 3 * 60_000;

export function ChatPanel({ onClose }: { onClose: () => void }) {
  const t = useT();
  const { chat } = useCallServices();
  const { messages, isTrimmed } = useStore(chat.view);
  const [replyTo, setReplyTo] = useState<Message | null>(null);
  const [isAtEnd, setAtEnd] = useState(true);
  const list = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);

  useEffect(() => {
    chat.setOpen(true);
    return () => chat.setOpen(false);
  }, [chat]);

  // New messages pull the view along, unless one reads further up.
  useLayoutEffect(() => {
    const element = list.current;
    if (element && isAtEnd) element.scrollTop = element.scrollHeight;
  }, [messages, isAtEnd]);

  const drop = (event: DragEvent) => {
    if (event.dataTransfer.files.length === 0) return;
    event.preventDefault();
    for (const file of event.dataTransfer.files) void chat.share(file);
  };

  return (
    <SidePanel title={t('chat:chat')} testId="chat" closeTestId="close-chat" onClose={onClose}>
      <div className="chat" onDragOver={(event) => event.preventDefault()} onDrop={drop}>
        <div
          ref={list}
          className="chat-log"
          data-testid="chat-log"
          role="log"
          // New messages are told by the page's announcer, also when the chat is closed.
          aria-live="off"
          aria-label={t('chat:messages')}
          tabIndex={0}
          onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) =>
            setAtEnd(scrollHeight - scrollTop - clientHeight < 40)
          }
        >
          {messages.length === 0 ? <p className="chat-empty">{t('chat:empty')}</p> : null}
          {isTrimmed ? <p className="chat-note">{t('chat:trimmed')}</p> : null}
          <ol>
            {messages.map((message, index) => (
              <MessageView
                key={message.key}
                message={message}
                isContinued={isContinued(messages[index - 1], message)}
                quoted={message.replyTo === null ? undefined : chat.find(message.replyTo)}
                onReply={() => {
                  setReplyTo(message);
                  field.current?.focus();
                }}
              />
            ))}
          </ol>
        </div>
        {isAtEnd ? null : (
          <button type="button" className="button chat-to-end" onClick={() => setAtEnd(true)}>
            <ArrowDown aria-hidden="true" /> {t('chat:toNewest')}
          </button>
        )}
        <Composer field={field} replyTo={replyTo} onReplied={() => setReplyTo(null)} />
      </div>
    </SidePanel>
  );
}

function isContinued(before: Message | undefined, message: Message): boolean {
  return (
    before !== undefined &&
    before.identity === message.identity &&
    before.name === message.name &&
    message.replyTo === null &&
    message.at - before.at < TOGETHER
  );
}
