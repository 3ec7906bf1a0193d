// The browser's devices; browsers give none to pages that are not secure, whatever the type says.

export function ownDevices(): MediaDevices | undefined {
  return (navigator as { mediaDevices?: MediaDevices }).mediaDevices;
}
