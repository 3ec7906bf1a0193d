// A round button with an icon; its label is told to screen readers and shown on hover and focus.
import type { LucideIcon } from 'lucide-react';
import type { ButtonHTMLAttributes } from 'react';

interface Props extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'aria-label' | 'children'> {
  label: string;
  icon: LucideIcon;
  /** What the tip says, if more than the label. */
  tip?: string;
  testId?: string;
}

export function IconButton({ label, icon: Icon, tip = label, testId, className = '', ...rest }: Props) {
  return (
    <button
      type="button"
      className={`icon-button ${className}`}
      aria-label={label}
      data-tip={tip}
      data-testid={testId}
      {...rest}
    >
      <Icon aria-hidden="true" />
    </button>
  );
}
