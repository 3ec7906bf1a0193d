// What one may publish, as the server has told it.
import type { LocalParticipant } from 'livekit-client';

/** LiveKit's `TrackSource`, which the client library does not export. */
const SOURCES = { camera: 1, microphone: 2, screen: 3 } as const;

export function mayPublish(
  { permissions }: Pick<LocalParticipant, 'permissions'>,
  what: keyof typeof SOURCES,
): boolean {
  if (!permissions) return true;
  const { canPublish, canPublishSources } = permissions;
  const sources: readonly number[] = canPublishSources;
  return canPublish && (sources.length === 0 || sources.includes(SOURCES[what]));
}
