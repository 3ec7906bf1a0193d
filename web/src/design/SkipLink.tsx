// The first stop of the Tab key, seen while it has the focus: past what comes again on every view, to what one came for.
import type { ReactNode } from 'react';

interface Props {
  /** The id of what it goes to. */
  to: string;
  children: ReactNode;
}

export function SkipLink({ to, children }: Props) {
  return (
    <a
      className="skip-link"
      href={`#${to}`}
      data-testid="skip-link"
      onClick={(event) => {
        // Not by the address: that has the key of the call, and `#` in it would be of the page's base.
        event.preventDefault();
        document.getElementById(to)?.focus();
      }}
    >
      {children}
    </a>
  );
}
