// Says to screen readers what each step came to, once, and at the end what all of it means.
import { useEffect, useRef, useState } from 'react';
import { useT } from '../i18n/i18n';
import { useStore } from '../state/store';
import type { Checkup } from './run';
import { useSay } from './say';
import { STEPS, type Outcome, type StepId } from './steps';
import { verdictOf } from './verdict';

export function StepAnnouncer({ checkup }: { checkup: Checkup }) {
  const t = useT();
  const say = useSay();
  const phase = useStore(checkup.phase);
  const outcomes = useStore(checkup.outcomes);
  const told = useRef(new Map<StepId, Outcome>());
  const [lines, setLines] = useState<readonly string[]>([]);
  useEffect(() => {
    const news: string[] = [];
    for (const step of STEPS) {
      const outcome = outcomes[step];
      if (told.current.get(step) === outcome) continue;
      told.current.set(step, outcome);
      // What was left out is said by the end, and in the list.
      if (outcome.status !== 'passed' && outcome.status !== 'failed') continue;
      news.push(
        t('checkup:announce.step', {
          step: t(`checkup:step.${step}`),
          status: t(`checkup:status.${outcome.status}`),
          text: say(outcome.said),
        }),
      );
    }
    if (news.length > 0) setLines((before) => [...before, ...news].slice(-STEPS.length));
  }, [outcomes, say, t]);
  const end =
    phase === 'finished' ? say(verdictOf(outcomes).said) : phase === 'running' ? t('checkup:announce.running') : '';
  return (
    <div className="for-screen-readers" aria-live="polite" data-testid="checkup-announcer">
      {lines.map((line, index) => (
        <p key={`${index} ${line}`}>{line}</p>
      ))}
      <p>{end}</p>
    </div>
  );
}
