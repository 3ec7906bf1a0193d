// One message: who, when, what; its links; what it replies to; its file; and what became of it, if it is one's own.
import { CircleAlert, Reply, RotateCw } from 'lucide-react';
import { memo } from 'react';
import { useCallServices } from '../call/services';
import { IconButton } from '../design/IconButton';
import { clock } from '../i18n/format';
import { useT } from '../i18n/i18n';
import { FileView } from './FileView';
import { piecesOf } from './links';
import type { Message } from './message';

interface Props {
  message: Message;
  isContinued: boolean;
  quoted: Message | undefined;
  onReply: () => void;
}

export const MessageView = memo(
  function MessageView({ message, isContinued, quoted, onReply }: Props) {
    const t = useT();
    const { chat } = useCallServices();
    const { name, isOwn, text, at, state, file, replyTo } = message;
    return (
      <li
        className="message"
        data-testid="message"
        data-identity={message.identity}
        data-own={isOwn}
        data-state={state}
        data-continued={isContinued}
      >
        <p className={isContinued ? 'for-screen-readers' : 'message-head'}>
          <span className="message-name">{isOwn ? t('chat:you') : name}</span>{' '}
          <time dateTime={new Date(at).toISOString()}>{clock(at)}</time>
        </p>
        {replyTo === null ? null : (
          <blockquote className="message-quote" data-testid="message-quote">
            {quoted ? (
              <>
                <span>{quoted.isOwn ? t('chat:you') : quoted.name}</span> {quoted.file ? quoted.file.name : quoted.text}
              </>
            ) : (
              t('chat:notKept')
            )}
          </blockquote>
        )}
        {file ? (
          <FileView identity={message.identity} isOwn={isOwn} offer={file} />
        ) : (
          <p className="message-text" dir="auto">
            {piecesOf(text).map(({ text: piece, href }, index) =>
              href ? (
                <a key={index} href={href} target="_blank" rel="noopener noreferrer nofollow">
                  {piece}
                </a>
              ) : (
                piece
              ),
            )}
            {message.isCut ? t('chat:cut') : null}
          </p>
        )}
        {state === 'failed' ? (
          <p className="message-failed">
            <CircleAlert aria-hidden="true" /> {t('chat:notSent')}
            <button
              type="button"
              className="message-retry"
              data-testid="retry-message"
              onClick={() => void chat.retry(message.key)}
            >
              <RotateCw aria-hidden="true" /> {t('chat:tryAgain')}
            </button>
          </p>
        ) : (
          <IconButton
            label={isOwn ? t('chat:replyToOwn') : t('chat:replyTo', { name })}
            tip={t('chat:reply')}
            icon={Reply}
            testId="reply"
            className="message-reply"
            onClick={onReply}
          />
        )}
      </li>
    );
  },
  // What a reply does is the same for as long as the message is.
  (a, b) => a.message === b.message && a.isContinued === b.isContinued && a.quoted === b.quoted,
);
