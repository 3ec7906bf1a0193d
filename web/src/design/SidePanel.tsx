// A panel beside the stage, on narrow screens a sheet over it. Not modal: the call goes on. Takes the focus when it opens, gives it
// back when it closes; Escape closes it.
import { X } from 'lucide-react';
import { useEffect, useId, useRef, type ReactNode } from 'react';
import { useT } from '../i18n/i18n';
import { IconButton } from './IconButton';
import './side-panel.css';

interface Props {
  title: string;
  testId: string;
  closeTestId: string;
  onClose: () => void;
  children: ReactNode;
}

/** Open for as long as it is rendered. What has `autoFocus` inside gets the focus, else the title. */
export function SidePanel({ title, testId, closeTestId, onClose, children }: Props) {
  const panel = useRef<HTMLElement>(null);
  const t = useT();
  const heading = useId();
  useEffect(() => {
    const element = panel.current;
    const before = document.activeElement;
    const first = element?.querySelector<HTMLElement>('[data-first-focus]') ?? element?.querySelector('h2');
    first?.focus();
    return () => {
      // Only if it was inside: who went elsewhere by themselves stays there.
      const isLost = document.activeElement === document.body || element?.contains(document.activeElement);
      if (isLost && before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <aside
      ref={panel}
      className="side-panel"
      data-testid={testId}
      aria-labelledby={heading}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || event.defaultPrevented) return;
        event.stopPropagation();
        onClose();
      }}
    >
      <header className="side-panel-header">
        <h2 id={heading} tabIndex={-1}>
          {title}
        </h2>
        <IconButton label={t('design:close')} icon={X} testId={closeTestId} onClick={onClose} />
      </header>
      {children}
    </aside>
  );
}
