// What can be wrong with a camera or a microphone. What to tell of it is in `access`.

export type DeviceKind = 'camera' | 'microphone';

/**
 * `refused`: the person or a setting of the browser said no; `dismissed`: the question was closed without an answer; `system`: the
 * operating system does not let the browser; `insecure`: browsers give pages like this one no devices.
 */
export type DeviceProblem = 'refused' | 'dismissed' | 'system' | 'missing' | 'busy' | 'insecure';

/** The problem behind what `getUserMedia` threw. Names are those of the Media Capture specification, section 10.3. */
export function problemOf(error: unknown): DeviceProblem {
  const { name, message } = error instanceof Error || error instanceof DOMException ? error : { name: '', message: '' };
  switch (name) {
    case 'NotAllowedError':
      // Chromium alone tells them apart, and only in the message.
      if (/by system/i.test(message)) return 'system';
      return /dismissed/i.test(message) ? 'dismissed' : 'refused';
    case 'SecurityError':
      return 'refused';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    default:
      return 'busy';
  }
}
