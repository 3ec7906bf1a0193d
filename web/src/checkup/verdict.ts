// All outcomes in one sentence, and as plain text for the administrator.
import type { Tone } from '../notices/notices';
import { STEPS, type CheckupKey, type Outcome, type Outcomes, type Said } from './steps';

export interface Verdict {
  tone: Tone;
  said: Said;
}

export const WAYS = ['udp', 'tcp', 'turn'] as const;

export function verdictOf(outcomes: Outcomes): Verdict {
  const has = (step: keyof Outcomes, status: Outcome['status']) => outcomes[step].status === status;
  const verdict = (tone: Tone, key: CheckupKey & `verdict.${string}`): Verdict => ({ tone, said: { key } });
  if (STEPS.some((step) => isAborted(outcomes[step]))) return verdict('info', 'verdict.aborted');
  if (has('api', 'failed') || has('websocket', 'failed')) return verdict('bad', 'verdict.none');
  if (!WAYS.some((way) => has(way, 'passed'))) return verdict('bad', 'verdict.no-way');
  if (['bandwidth', 'publish', 'hear'].some((step) => has(step as keyof Outcomes, 'failed'))) {
    return verdict('warning', 'verdict.partly');
  }
  if (has('secure', 'failed')) return verdict('warning', 'verdict.insecure');
  if (has('udp', 'failed')) return verdict('warning', 'verdict.slow');
  if (has('tcp', 'failed') || has('turn', 'failed')) return verdict('good', 'verdict.here');
  return verdict('good', 'verdict.good');
}

function isAborted(outcome: Outcome): boolean {
  return outcome.status === 'skipped' && outcome.said.key === 'skipped.aborted';
}

/** What the report tells besides the outcomes. No token, no password and no name is in it. */
export interface About {
  address: string;
  at: Date;
  browser: string;
}

export function reportOf(outcomes: Outcomes, about: About, say: (said: Said) => string): string {
  const lines = [
    say({ key: 'report.title' }),
    `${about.address} · ${about.at.toISOString()}`,
    about.browser,
    '',
    say(verdictOf(outcomes).said),
    '',
  ];
  for (const step of STEPS) {
    const outcome = outcomes[step];
    const head = `[${say({ key: `status.${outcome.status}` })}] ${say({ key: `step.${step}` })}`;
    if (!('said' in outcome)) {
      lines.push(head);
      continue;
    }
    lines.push(`${head}: ${say(outcome.said)}`);
    if (outcome.status === 'skipped') continue;
    for (const note of outcome.notes) lines.push(`    ${say(note)}`);
    if (outcome.status === 'failed' && outcome.tell) lines.push(`    → ${say(outcome.tell)}`);
  }
  return `${lines.join('\n')}\n`;
}
