import type { LocalParticipant } from 'livekit-client';
import { expect, it } from 'vitest';
import { mayPublish } from './permissions';

const [CAMERA, MICROPHONE, SCREEN] = [1, 2, 3];

it.each<[string, unknown, [camera: boolean, microphone: boolean, screen: boolean]]>([
  ['nothing that is said', undefined, [true, true, true]],
  ['no list of sources', { canPublish: true, canPublishSources: [] }, [true, true, true]],
  ['a list', { canPublish: true, canPublishSources: [CAMERA, SCREEN] }, [true, false, true]],
  ['a list, and no publishing', { canPublish: false, canPublishSources: [MICROPHONE] }, [false, false, false]],
])('by %s one may send that', (_, permissions, expected) => {
  const participant = { permissions } as Pick<LocalParticipant, 'permissions'>;
  expect((['camera', 'microphone', 'screen'] as const).map((what) => mayPublish(participant, what))).toEqual(expected);
});
