// Where a message is written: Enter sends, Shift+Enter is a new line. Files are chosen, dropped or pasted.
import { Paperclip, SendHorizontal, X } from 'lucide-react';
import { useId, useRef, useState, type ClipboardEvent, type KeyboardEvent, type RefObject } from 'react';
import { useCallServices } from '../call/services';
import { IconButton } from '../design/IconButton';
import { bytes, number } from '../i18n/format';
import { useT } from '../i18n/i18n';
import { useStore } from '../state/store';
import { LONGEST_MESSAGE, type Message } from './message';
import { LARGEST_FILE } from './offer';

interface Props {
  field: RefObject<HTMLTextAreaElement | null>;
  replyTo: Message | null;
  onReplied: () => void;
}

/** From here on it is told how many characters are left. */
const NEAR = 200;

export function Composer({ field, replyTo, onReplied }: Props) {
  const t = useT();
  const { chat } = useCallServices();
  const { canWrite, problem } = useStore(chat.view);
  const [text, setText] = useState('');
  const file = useRef<HTMLInputElement>(null);
  const hint = useId();
  const left = LONGEST_MESSAGE - text.trim().length;

  if (!canWrite) return <p className="chat-note">{t('chat:readOnly')}</p>;

  const send = () => {
    if (text.trim() === '' || left < 0) return;
    void chat.send(text, replyTo?.id ?? null);
    setText('');
    onReplied();
    field.current?.focus();
  };
  const press = (event: KeyboardEvent) => {
    // Enter also ends the input of a syllable in Chinese, Japanese and Korean.
    if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      send();
    } else if (event.key === 'Escape' && replyTo) {
      event.preventDefault();
      onReplied();
    }
  };
  const paste = (event: ClipboardEvent) => {
    if (event.clipboardData.files.length === 0) return;
    event.preventDefault();
    for (const pasted of event.clipboardData.files) void chat.share(pasted);
  };

  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {replyTo ? (
        <p className="composer-reply" data-testid="composer-reply">
          <span>
            {replyTo.isOwn
              ? t('chat:replyToOwnText', { text: replyTo.file?.name ?? replyTo.text })
              : t('chat:replyToText', { name: replyTo.name, text: replyTo.file?.name ?? replyTo.text })}
          </span>
          <IconButton label={t('chat:doNotReply')} icon={X} onClick={onReplied} />
        </p>
      ) : null}
      {problem ? (
        <p className="field-problem" data-testid="file-problem">
          {problem}
        </p>
      ) : null}
      <div className="composer-line">
        <input
          ref={file}
          type="file"
          multiple
          hidden
          data-testid="file-input"
          onChange={({ currentTarget }) => {
            for (const chosen of currentTarget.files ?? []) void chat.share(chosen);
            currentTarget.value = '';
          }}
        />
        <IconButton
          label={t('chat:shareFile')}
          tip={t('chat:shareFileTip', { most: bytes(LARGEST_FILE) })}
          icon={Paperclip}
          testId="share-file"
          onClick={() => file.current?.click()}
        />
        <textarea
          ref={field}
          className="input composer-field"
          data-testid="chat-input"
          data-first-focus
          rows={1}
          dir="auto"
          placeholder={t('chat:placeholder')}
          aria-label={t('chat:field')}
          aria-describedby={hint}
          aria-invalid={left < 0}
          enterKeyHint="send"
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={press}
          onPaste={paste}
        />
        <button
          type="submit"
          className="composer-send"
          data-testid="send-message"
          aria-label={t('chat:send')}
          disabled={text.trim() === '' || left < 0}
        >
          <SendHorizontal aria-hidden="true" />
        </button>
      </div>
      <p id={hint} className={left < 0 ? 'composer-hint field-problem' : 'composer-hint'} data-testid="chat-left">
        {left < 0
          ? t('chat:tooMany', { count: -left, most: number(LONGEST_MESSAGE) })
          : left <= NEAR
            ? t('chat:left', { count: left })
            : ''}
      </p>
    </form>
  );
}
