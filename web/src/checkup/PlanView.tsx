// Before the test: what it will try, what that takes, and what one has of it.
import { Ear, Gauge, Info, LockKeyhole, Route, Server } from 'lucide-react';
import { useId } from 'react';
import { useT } from '../i18n/i18n';
import { MOST, SECONDS } from './bandwidth';

const PARTS = { server: Server, ways: Route, bandwidth: Gauge, media: Ear } as const;
const FACTS = { need: Info, privacy: LockKeyhole } as const;
/** Up and down, in the unit that people pay for. */
const MEGABYTES = Math.round((MOST * SECONDS * 2) / 8 / 1_000_000);

export function PlanView() {
  const t = useT();
  const heading = useId();
  return (
    <section className="checkup-plan" aria-labelledby={heading} data-testid="checkup-plan">
      <h2 id={heading}>{t('checkup:plan')}</h2>
      <ol>
        {(Object.keys(PARTS) as (keyof typeof PARTS)[]).map((part) => {
          const Icon = PARTS[part];
          return (
            <li key={part}>
              <Icon aria-hidden="true" />
              <div>
                <h3>{t(`checkup:plan.${part}`)}</h3>
                <p>{t(`checkup:plan.${part}.what`, { seconds: SECONDS, megabytes: MEGABYTES })}</p>
              </div>
            </li>
          );
        })}
      </ol>
      <ul>
        {(Object.keys(FACTS) as (keyof typeof FACTS)[]).map((fact) => {
          const Icon = FACTS[fact];
          return (
            <li key={fact}>
              <Icon aria-hidden="true" /> <p>{t(`checkup:plan.${fact}`)}</p>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
