// Whether a device may be opened without a question to the person: known before, or asked for on this page.
import type { DeviceList } from './device-list';
import type { DeviceKind } from './problems';

/**
 * `unknown` for a moment at the start; `unasked`: opening it would make the browser ask, which waits until the person wants it;
 * `asking`: the browser's question is open; `settled`: answered, one way or the other.
 */
export type Access = 'unknown' | 'unasked' | 'asking' | 'settled';

/** Whether the browser has the person's answer already. */
export async function isSettled(kind: DeviceKind, devices: DeviceList): Promise<boolean> {
  const status = await permissionOf(kind);
  // A refusal is an answer, too: trying again then asks nobody.
  if (status && status.state !== 'prompt') return true;
  await devices.known;
  // Not every browser knows of such permissions (Firefox before 132), but each hides labels until there is one.
  const { cameras, microphones } = devices.get();
  return (kind === 'camera' ? cameras : microphones).some(({ label }) => label !== '');
}

/** The browser's own record of the answer, which tells its changes; null where there is none. */
export async function permissionOf(kind: DeviceKind): Promise<PermissionStatus | null> {
  // Old browsers have no such object, whatever the type says.
  const permissions = navigator.permissions as Permissions | undefined;
  try {
    return (await permissions?.query({ name: kind })) ?? null;
  } catch {
    return null; // It does not know these names.
  }
}
