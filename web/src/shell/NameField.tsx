// The own name, kept as it is typed.
import { useId } from 'react';
import { useT } from '../i18n/i18n';
import { useStore } from '../state/store';
import { guestName, LONGEST_NAME } from './person';
import { useServices } from './services';

interface Props {
  testId: string;
  onDone?: () => void;
}

export function NameField({ testId, onDone }: Props) {
  const t = useT();
  const { person } = useServices();
  const name = useStore(person.name);
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{t('shell:yourName')}</label>
      <input
        id={id}
        className="input"
        data-testid={testId}
        autoComplete="name"
        maxLength={LONGEST_NAME}
        placeholder={guestName(person.identity)}
        value={name}
        onChange={(event) => person.rename(event.target.value)}
        onBlur={onDone}
        onKeyDown={(event) => {
          if (event.key === 'Enter') onDone?.();
        }}
      />
    </div>
  );
}
