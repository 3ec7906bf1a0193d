// One step: its state as a sign and a word, what came of it, and what to tell the administrator.
import { CircleAlert, CircleCheck, CircleDashed, CircleSlash2, Hand } from 'lucide-react';
import { useEffect, useId, useRef } from 'react';
import { useT } from '../i18n/i18n';
import { useStore, type Readable } from '../state/store';
import type { Sources } from './publishing';
import type { Checkup } from './run';
import { useSay } from './say';
import type { Outcome, StepId } from './steps';

const ICONS = {
  waiting: CircleDashed,
  ready: Hand,
  passed: CircleCheck,
  failed: CircleAlert,
  skipped: CircleSlash2,
};

interface Props {
  step: StepId;
  outcome: Outcome;
  checkup: Checkup;
}

export function StepView({ step, outcome, checkup }: Props) {
  const t = useT();
  const title = useId();
  const { status } = outcome;
  return (
    <li
      className="checkup-step"
      data-testid="checkup-step"
      data-step={step}
      data-status={status}
      data-said={'said' in outcome ? outcome.said.key : undefined}
      aria-labelledby={title}
    >
      <StatusIcon status={status} />
      <div className="checkup-step-body">
        <div className="checkup-step-head">
          <h2 id={title}>{t(`checkup:step.${step}`)}</h2>
          <span className="checkup-status">{t(`checkup:status.${status}`)}</span>
        </div>
        <Came outcome={outcome} />
        {step === 'bandwidth' && status === 'running' ? <SoFar checkup={checkup} /> : null}
        {step === 'publish' ? <Send outcome={outcome} checkup={checkup} /> : null}
        {step === 'hear' && status === 'running' ? <Hearing checkup={checkup} /> : null}
      </div>
    </li>
  );
}

function StatusIcon({ status }: { status: Outcome['status'] }) {
  if (status === 'running') return <span className="spinner" aria-hidden="true" />;
  const Icon = ICONS[status];
  return <Icon className="checkup-icon" aria-hidden="true" />;
}

function Came({ outcome }: { outcome: Outcome }) {
  const t = useT();
  const say = useSay();
  if (!('said' in outcome)) return null;
  return (
    <>
      <p>{say(outcome.said)}</p>
      {outcome.status === 'skipped'
        ? null
        : outcome.notes.map((note) => (
            <p key={`${note.key} ${JSON.stringify(note.values ?? {})}`} className="checkup-note">
              {say(note)}
            </p>
          ))}
      {outcome.status === 'failed' && outcome.tell ? (
        <p className="checkup-tell" data-testid="checkup-tell">
          <strong>{t('checkup:tell')}</strong> {say(outcome.tell)}
        </p>
      ) : null}
    </>
  );
}

function SoFar({ checkup }: { checkup: Checkup }) {
  const t = useT();
  const soFar = useStore(checkup.soFar);
  if (!soFar) return null;
  const [up, down] = [soFar.up, soFar.down].map((bits) => Math.round(bits / 100_000) / 10);
  return <p className="checkup-figure">{t('checkup:upDown', { up, down })}</p>;
}

/** The person's turn: nothing is asked of the browser before one of these is pressed. */
function Send({ outcome, checkup }: { outcome: Outcome; checkup: Checkup }) {
  const t = useT();
  const phase = useStore(checkup.phase);
  const { status } = outcome;
  if (status === 'waiting' || status === 'skipped') return null;
  // Not taken away while it runs: the one that was pressed has the focus.
  const isBusy = phase === 'running';
  const send = (sources: Sources) => {
    if (!isBusy) void checkup.send(sources);
  };
  return (
    <>
      {status === 'ready' ? <p>{t('checkup:ask')}</p> : null}
      <div className="checkup-actions">
        <button
          type="button"
          className={status === 'ready' ? 'button button-primary' : 'button'}
          data-testid="checkup-own"
          aria-disabled={isBusy}
          onClick={() => send('own')}
        >
          {t('checkup:useOwn')}
        </button>
        <button
          type="button"
          className="button"
          data-testid="checkup-test"
          aria-disabled={isBusy}
          onClick={() => send('test')}
        >
          {t('checkup:useTest')}
        </button>
      </div>
    </>
  );
}

function Hearing({ checkup }: { checkup: Checkup }) {
  const t = useT();
  const hearing = useStore(checkup.hearing);
  if (!hearing) return null;
  return (
    <>
      <p>{hearing === 'own' ? t('checkup:speak') : t('checkup:listen')}</p>
      <Meter level={checkup.level} label={t('checkup:level')} />
    </>
  );
}

/** Written past React: sixteen renders a second would be for nothing. */
function Meter({ level, label }: { level: Readable<number>; label: string }) {
  const meter = useRef<HTMLDivElement>(null);
  useEffect(
    () =>
      level.subscribe(() => {
        meter.current?.style.setProperty('--level', `${level.get()}%`);
        meter.current?.setAttribute('aria-valuenow', String(level.get()));
      }),
    [level],
  );
  return (
    <div
      ref={meter}
      className="checkup-level"
      data-testid="checkup-level"
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={0}
    />
  );
}
