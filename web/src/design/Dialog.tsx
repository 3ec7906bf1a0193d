// A modal dialog on the browser's own `<dialog>`: focus stays inside, Escape closes, focus returns to where it was.
import { X } from 'lucide-react';
import { useEffect, useId, useRef, type ReactNode } from 'react';
import { useT } from '../i18n/i18n';
import { AnnouncerView } from '../notices/AnnouncerView';
import { IconButton } from './IconButton';

interface Props {
  title: string;
  testId: string;
  closeTestId: string;
  onClose: () => void;
  /** Has columns. */
  isWide?: boolean;
  children: ReactNode;
}

/** Open for as long as it is rendered. */
export function Dialog({ title, testId, closeTestId, onClose, isWide = false, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const t = useT();
  const heading = useId();
  useEffect(() => {
    const element = dialog.current;
    if (!element) return;
    const before = document.activeElement;
    element.showModal();
    return () => {
      element.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className={isWide ? 'dialog dialog-wide' : 'dialog'}
      data-testid={testId}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) onClose(); // The backdrop: the content covers all else.
      }}
    >
      <div className="dialog-content">
        <header className="dialog-header">
          <h2 id={heading}>{title}</h2>
          <IconButton label={t('design:close')} icon={X} testId={closeTestId} onClick={onClose} />
        </header>
        {children}
      </div>
      <AnnouncerView />
    </dialog>
  );
}
