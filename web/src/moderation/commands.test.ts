import { expect, it, vi } from 'vitest';
import { Store } from '../state/store';
import { commandsFor, type Moderated } from './commands';
import type { Moderation } from './moderation';

const PERSON: Moderated = {
  identity: 'bob',
  name: 'Bob',
  isLocal: false,
  isModerator: false,
  isMuted: false,
  isCameraOff: false,
  isSharing: false,
};

function moderation(isModerator = true) {
  return {
    view: new Store({ isModerator }),
    question: new Store<unknown>(null),
    mute: vi.fn(),
    askToUnmute: vi.fn(),
    appoint: vi.fn(),
  };
}

const idsFor = (person: Partial<Moderated>, isModerator = true) =>
  commandsFor(moderation(isModerator) as unknown as Moderation, { ...PERSON, ...person }).map(({ testId }) => testId);

it.each<[string, Partial<Moderated>, string[]]>([
  ['somebody who is heard and seen', {}, ['mute', 'stop-camera', 'appoint', 'remove']],
  ['who is muted', { isMuted: true }, ['ask-to-unmute', 'stop-camera', 'appoint', 'remove']],
  ['who is not seen', { isCameraOff: true }, ['mute', 'appoint', 'remove']],
  ['who shows their screen', { isSharing: true }, ['mute', 'stop-camera', 'stop-screen', 'appoint', 'remove']],
  ['another moderator', { isModerator: true }, ['mute', 'stop-camera', 'remove']],
  ['oneself', { isLocal: true }, []],
])('a moderator can do to %s what there is to do', (_, person, ids) => {
  expect(idsFor(person)).toEqual(ids);
});

it('who is no moderator can do nothing', () => {
  expect(idsFor({}, false)).toEqual([]);
});

it('each does what it says, and removing asks first', () => {
  const room = moderation();
  const person = { ...PERSON, isSharing: true };
  const run = (id: string, of: Moderated = person) =>
    commandsFor(room as unknown as Moderation, of)
      .find(({ testId }) => testId === id)
      ?.run();
  for (const id of ['mute', 'stop-camera', 'stop-screen']) run(id);
  expect(room.mute.mock.calls).toEqual([
    ['bob', 'microphone'],
    ['bob', 'camera'],
    ['bob', 'screen_share'],
  ]);
  run('ask-to-unmute', { ...person, isMuted: true });
  expect(room.askToUnmute).toHaveBeenCalledWith('bob', 'Bob');
  run('appoint');
  expect(room.appoint).toHaveBeenCalledWith('bob', 'Bob');
  run('remove');
  expect(room.question.get()).toEqual({ kind: 'remove', identity: 'bob', name: 'Bob' });
});
