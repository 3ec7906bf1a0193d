// What is wrong with camera and microphone in one sentence, and the way back in another: that of this browser, on this system.
import { t } from '../i18n/i18n';
import type { DeviceKind, DeviceProblem } from '../media/problems';
import type { Surroundings } from './browser';

export interface Trouble {
  problem: DeviceProblem;
  /** Which of both it is about. */
  of: DeviceKind | 'both';
}

export interface WayBack {
  what: string;
  how: string;
}

/** What to tell of the two: one trouble that they share, else the camera's, which is seen to be missing, first. */
export function troubleOf(camera: DeviceProblem | null, microphone: DeviceProblem | null): Trouble | null {
  if (camera === microphone) return camera === null ? null : { problem: camera, of: 'both' };
  if (camera !== null) return { problem: camera, of: 'camera' };
  return microphone === null ? null : { problem: microphone, of: 'microphone' };
}

export function wayBack({ problem, of }: Trouble, { browser, system }: Surroundings): WayBack {
  switch (problem) {
    case 'insecure':
      return { what: t('access:insecure'), how: t('access:insecure_how') };
    case 'refused':
      return { what: t(`access:refused.${of}`), how: t(`access:allow.${browser}`) };
    case 'system':
      return { what: t(`access:system.${of}`), how: t(`access:system_how.${system}`) };
    default:
      return { what: t(`access:${problem}.${of}`), how: t(`access:${problem}_how`) };
  }
}
