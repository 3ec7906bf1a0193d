// Where a message is written: Enter sends, Shift+Enter is a new line. Files are chosen, dropped or pasted.
import { Paperclip, SendHorizontal, X } from 'lucide-react';
import { useId, useRef, useState, type ClipboardEvent, type KeyboardEvent, type RefObject } from 'react';
import { useCallServices } from '../call/services';
import { IconButton } from '../design/IconButton';
import { useStore } from '../state/store';
import { LONGEST_MESSAGE, type Message } from './message';

interface Props {
  field: RefObject<HTMLTextAreaElement | null>;
  replyTo: Message | null;
  onReplied: () => void;
}

/** From here on it is told how many characters are left. */
const NEAR = 200;

export function Composer({ field, replyTo, onReplied }: Props) {
  const { chat } = useCallServices();
  const { canWrite, problem } = useStore(chat.view);
  const [text, setText] = useState('');
  const file = useRef<HTMLInputElement>(null);
  const hint = useId();
  const left = LONGEST_MESSAGE - text.trim().length;

  if (!canWrite) return <p className="chat-note">In this room you can read, but not write.</p>;

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
            Reply to {replyTo.isOwn ? 'yourself' : replyTo.name}: {replyTo.file ? replyTo.file.name : replyTo.text}
          </span>
          <IconButton label="Do not reply" icon={X} onClick={onReplied} />
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
          label="Share a file"
          tip="Share a file (up to 25 MB)"
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
          placeholder="Write to everyone"
          aria-label="Message to everyone"
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
          aria-label="Send"
          disabled={text.trim() === '' || left < 0}
        >
          <SendHorizontal aria-hidden="true" />
        </button>
      </div>
      <p id={hint} className={left < 0 ? 'composer-hint field-problem' : 'composer-hint'} data-testid="chat-left">
        {left < 0
          ? `${-left} too many: a message has up to ${LONGEST_MESSAGE} characters.`
          : left <= NEAR
            ? `${left} characters left`
            : ''}
      </p>
    </form>
  );
}
