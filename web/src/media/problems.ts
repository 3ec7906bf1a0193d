// What can be wrong with a camera or a microphone, and the plain sentence for it. Knows no device and no component.

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

const STILL = 'You can join all the same, and see and hear the others.';

/** One notice about both devices, or none when both are well. */
export function deviceNotice(camera: DeviceProblem | null, microphone: DeviceProblem | null): DeviceNotice | null {
  const problem = camera ?? microphone;
  if (!problem) return null;
  if (problem === 'insecure') {
    return {
      kind: 'insecure',
      text: `Browsers give camera and microphone to secure pages only. Open this page by its https:// address, or on this machine by localhost. ${STILL}`,
    };
  }
  const kind: DeviceKind = camera ? 'camera' : 'microphone';
  const both = camera === microphone;
  const it = both ? 'them' : 'it';
  switch (problem) {
    case 'refused':
      return {
        kind: `${kind}-refused`,
        text: `The browser does not let this page use your ${both ? 'camera and microphone' : kind}. Allow ${it} by the icon at the left of the address, then reload. ${STILL}`,
      };
    case 'missing':
      return {
        kind: `no-${kind}`,
        text: `${both ? 'No camera and no microphone were' : `No ${kind} was`} found. Plug one in, and it is used at once. ${STILL}`,
      };
    case 'busy':
      return {
        kind: `${kind}-busy`,
        text: `Your ${both ? 'camera and microphone do' : `${kind} does`} not start. Close other programs that use ${it}, then try again. ${STILL}`,
      };
  }
}
