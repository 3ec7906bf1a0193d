// The steps of a test and what can come of each. Sentences are told by key and values, so that they follow the language.
import type checkup from '../i18n/locales/en/checkup.json';

/** In the order they are shown in; those from `publish` on are begun by the person. */
export const STEPS = ['secure', 'api', 'websocket', 'udp', 'tcp', 'turn', 'bandwidth', 'publish', 'hear'] as const;

export type StepId = (typeof STEPS)[number];

export type CheckupKey = keyof typeof checkup;

/** One sentence. */
export interface Said {
  key: CheckupKey;
  values?: Record<string, string | number>;
}

export type Outcome =
  | { status: 'waiting' | 'running' }
  /** Waits for the person. */
  | { status: 'ready' }
  | { status: 'passed'; said: Said; notes: readonly Said[] }
  /** `tell` is for the administrator; null where it is the person or the browser who can help. */
  | { status: 'failed'; said: Said; tell: Said | null; notes: readonly Said[] }
  | { status: 'skipped'; said: Said };

export type Outcomes = Readonly<Record<StepId, Outcome>>;

export const NOTHING_YET: Outcomes = Object.fromEntries(
  STEPS.map((step) => [step, { status: 'waiting' }]),
) as unknown as Outcomes;

export function passed(key: CheckupKey, values: Said['values'] = {}, notes: readonly Said[] = []): Outcome {
  return { status: 'passed', said: { key, values }, notes };
}

/** What failed, and what to tell the administrator: both by the name of the hop. */
export function failed(hop: HopName, values: Said['values'] = {}, notes: readonly Said[] = []): Outcome {
  return { status: 'failed', said: { key: `hop.${hop}`, values }, tell: { key: `tell.${hop}`, values }, notes };
}

/** Failed where no administrator can help: the sentence says what the person can do. */
export function failedHere(hop: OwnHopName, values: Said['values'] = {}): Outcome {
  return { status: 'failed', said: { key: `hop.${hop}`, values }, tell: null, notes: [] };
}

export function skipped(key: CheckupKey & `skipped.${string}`): Outcome {
  return { status: 'skipped', said: { key } };
}

type NamesIn<Prefix extends string> = CheckupKey extends infer Key
  ? Key extends `${Prefix}.${infer Name}`
    ? Name
    : never
  : never;

/** A hop for which there is something to tell an administrator. */
export type HopName = NamesIn<'hop'> & NamesIn<'tell'>;
type OwnHopName = Exclude<NamesIn<'hop'>, NamesIn<'tell'>>;
