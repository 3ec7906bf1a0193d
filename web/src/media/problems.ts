// What can be wrong with a camera or a microphone, and the plain sentence for it. Knows no device and no component.
import { t } from '../i18n/i18n';

export type DeviceKind = 'camera' | 'microphone';

export type DeviceProblem = 'refused' | 'missing' | 'busy' | 'insecure';

/** The problem behind what `getUserMedia` threw. Names are those of the Media Capture specification, section 10.3. */
export function problemOf(error: unknown): DeviceProblem {
  switch (error instanceof Error || error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'refused';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    default:
      return 'busy';
  }
}

export interface DeviceNotice {
  kind: string;
  text: string;
}

/** One notice about both devices, or none when both are well. */
export function deviceNotice(camera: DeviceProblem | null, microphone: DeviceProblem | null): DeviceNotice | null {
  const problem = camera ?? microphone;
  if (!problem) return null;
  const still = t('media:still');
  if (problem === 'insecure') return { kind: 'insecure', text: t('media:insecure', { still }) };
  const kind: DeviceKind = camera ? 'camera' : 'microphone';
  const which = camera === microphone ? 'both' : kind;
  const text = t(`media:${problem}.${which}`, { still });
  return { kind: problem === 'missing' ? `no-${kind}` : `${kind}-${problem}`, text };
}
