// Asks for the token, and says in plain words why the last one did not do.
import { useId, useState, type SubmitEvent } from 'react';
import { useT } from '../i18n/i18n';
import { Logo } from '../shell/Logo';
import { useStore } from '../state/store';
import type { Admin } from './admin';
import { ProblemText } from './ProblemText';

export function TokenForm({ admin }: { admin: Admin }) {
  const t = useT();
  const id = useId();
  const problem = useStore(admin.problem);
  const [token, setToken] = useState('');
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (token.trim() !== '') void admin.enter(token.trim());
  };
  return (
    <main className="admin-door">
      <form className="admin-card" onSubmit={submit}>
        <Logo />
        <h1>{t('admin:title')}</h1>
        <div className="field">
          <label htmlFor={id}>{t('admin:token')}</label>
          <input
            id={id}
            className="input"
            type="password"
            autoComplete="off"
            data-testid="admin-token"
            aria-describedby={`${id}-hint`}
            aria-invalid={problem !== null}
            value={token}
            onChange={(event) => setToken(event.target.value)}
          />
          <p id={`${id}-hint`} className="admin-hint">
            {t('admin:token-hint')}
          </p>
        </div>
        {problem ? <ProblemText problem={problem} /> : null}
        <button
          type="submit"
          className="button button-primary"
          data-testid="admin-enter"
          disabled={token.trim() === ''}
        >
          {t('admin:enter')}
        </button>
      </form>
    </main>
  );
}
