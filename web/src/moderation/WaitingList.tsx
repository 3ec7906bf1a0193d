// Who waits to be let in, above the list of people; for moderators.
import { useCallServices } from '../call/services';
import { useT } from '../i18n/i18n';
import { useStore } from '../state/store';
import './moderation.css';

export function WaitingList() {
  const t = useT();
  const { moderation } = useCallServices();
  const { waiting } = useStore(moderation.view);
  if (waiting.length === 0) return null;
  return (
    <section className="waiting" data-testid="waiting-list">
      <h3>{t('moderation:waiting', { count: waiting.length })}</h3>
      <ul>
        {waiting.map(({ id, name: given }) => {
          const name = given || t('moderation:nameless');
          return (
            <li key={id} className="person" data-testid="waiting-person">
              <span className="person-name" title={name}>
                {name}
              </span>
              <button
                type="button"
                className="button button-primary"
                data-testid="let-in"
                aria-label={t('moderation:letInName', { name })}
                onClick={() => void moderation.admit(id)}
              >
                {t('moderation:letIn')}
              </button>
              <button
                type="button"
                className="button"
                data-testid="refuse"
                aria-label={t('moderation:refuseName', { name })}
                onClick={() => void moderation.refuse(id)}
              >
                {t('moderation:refuse')}
              </button>
            </li>
          );
        })}
      </ul>
      {waiting.length > 1 ? (
        <button type="button" className="button" data-testid="let-all-in" onClick={() => void moderation.admit(null)}>
          {t('moderation:letAllIn')}
        </button>
      ) : null}
    </section>
  );
}
