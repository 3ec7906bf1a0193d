// The page of the test: what it is for, the steps as they fill in, and what all of it means.
import { CircleAlert, CircleCheck, Info, Play, RotateCcw, Square, TriangleAlert } from 'lucide-react';
import { useEffect, type MouseEvent } from 'react';
import { useT } from '../i18n/i18n';
import type { Tone } from '../notices/notices';
import { LanguageSelect } from '../shell/LanguageSelect';
import { Logo } from '../shell/Logo';
import { basePath } from '../shell/address';
import { useStore } from '../state/store';
import { CopyReport } from './CopyReport';
import type { Checkup } from './run';
import { useSay } from './say';
import { PlanView } from './PlanView';
import { StepAnnouncer } from './StepAnnouncer';
import { STEPS } from './steps';
import { StepView } from './StepView';
import { verdictOf } from './verdict';
import './checkup.css';

export function CheckupPage({ checkup }: { checkup: Checkup }) {
  const t = useT();
  const phase = useStore(checkup.phase);
  const outcomes = useStore(checkup.outcomes);
  useEffect(() => {
    document.title = `${t('checkup:title')} · Visavis`;
  }, [t, phase]);
  return (
    <div className="checkup" data-testid="checkup" data-phase={phase}>
      <header className="checkup-header">
        <a href={basePath()} className="checkup-home" data-testid="checkup-home">
          <Logo /> <span className="for-screen-readers">{t('checkup:home')}</span>
        </a>
        <LanguageSelect />
      </header>
      <main className="checkup-main">
        <h1>{t('checkup:title')}</h1>
        <p className="checkup-lead">{t('checkup:lead')}</p>
        <Actions checkup={checkup} />
        {phase === 'finished' ? <VerdictView checkup={checkup} /> : null}
        {phase === 'idle' ? (
          <PlanView />
        ) : (
          <ol className="checkup-steps" aria-label={t('checkup:steps')} aria-busy={phase === 'running'}>
            {STEPS.map((step) => (
              <StepView key={step} step={step} outcome={outcomes[step]} checkup={checkup} />
            ))}
          </ol>
        )}
      </main>
      <StepAnnouncer checkup={checkup} />
    </div>
  );
}

function Actions({ checkup }: { checkup: Checkup }) {
  const t = useT();
  const phase = useStore(checkup.phase);
  if (phase === 'running') {
    return (
      <div className="checkup-actions">
        <button
          type="button"
          className="button"
          data-testid="checkup-stop"
          onClick={unlessDoubled(() => checkup.stop())}
        >
          <Square aria-hidden="true" /> {t('checkup:abort')}
        </button>
      </div>
    );
  }
  const Icon = phase === 'idle' ? Play : RotateCcw;
  return (
    <div className="checkup-actions">
      <button
        type="button"
        className={phase === 'idle' ? 'button button-primary' : 'button'}
        data-testid="checkup-start"

        onClick={unlessDoubled(() => void checkup.start())}
      >
        <Icon aria-hidden="true" /> {phase === 'idle' ? t('checkup:start') : t('checkup:again')}
      </button>
      {phase === 'finished' ? <CopyReport checkup={checkup} /> : null}
    </div>
  );
}

/** The second click of a double one would meet the button that took the first one's place. */
function unlessDoubled(act: () => void) {
  return (event: MouseEvent) => {
    if (event.detail < 2) act();
  };
}

const ICONS: Record<Tone, typeof Info> = { info: Info, good: CircleCheck, warning: TriangleAlert, bad: CircleAlert };

function VerdictView({ checkup }: { checkup: Checkup }) {
  const say = useSay();
  const { tone, said } = verdictOf(useStore(checkup.outcomes));
  const Icon = ICONS[tone];
  return (
    <p className="checkup-verdict" data-testid="checkup-verdict" data-tone={tone} data-verdict={said.key}>
      <Icon aria-hidden="true" /> {say(said)}
    </p>
  );
}
