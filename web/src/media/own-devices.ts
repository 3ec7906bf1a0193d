// The browser's devices; browsers give none to pages that are not secure, whatever the type says.

export function ownDevices(): MediaDevices | undefined {
  return (navigator as { mediaDevices?: MediaDevices }).mediaDevices;
}

/**
 * WebKit's custom, on any system: opening a second device of a kind mutes or ends the first, and the default device is the first in the
 * list. Neither can be tried without disturbing what runs, so this goes by the engine's maker.
 */
export function isWebKit({ vendor }: Pick<Navigator, 'vendor'> = navigator): boolean {
  return vendor === 'Apple Computer, Inc.';
}
