/** The page in front of a LiveKit cluster: home, create, join, list, leave, as in front of rooms of our own. */
import { before, describe, it } from 'node:test';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { leftOut } from '../stage/servers.ts';
import { Stage } from '../stage/visit.ts';
import { testId, type Visitor } from '../stage/visitor.ts';

describe('our page in front of a cluster', { skip: leftOut('visavis') || leftOut('livekit-server') }, () => {
  const closing = closedAfter();
  let stage: Stage;
  let alice: Visitor, bob: Visitor;

  before(async () => {
    [stage] = await closing.opened(Stage.openInFrontOfCluster());
  });

  it('home is empty, and a room is made by its name', async () => {
    [alice, bob] = await Promise.all([stage.visitor('alice'), stage.visitor('bob')]);
    await Promise.all([alice, bob].map((visitor) => visitor.callMyself(visitor.name)));
    await alice.plays(testId('preview'), '', 'red');
    await alice.shows('rooms-empty', { text: 'Add a room to begin' });
    await alice.fill('room-input', 'alpha');
    await alice.press('Enter');
    await alice.isIn('alpha');
  });

  it('another sees it with its count, and joins it', async () => {
    await bob.badge('alpha', '1 / 50', 2_000);
    await bob.joinByClick('alpha');
    await bob.isIn('alpha');
  });

  it('both see and hear each other', async () => {
    await Promise.all([
      alice.sees('bob', PEOPLE.bob.colour),
      alice.hears(PEOPLE.bob.hz),
      bob.sees('alice', PEOPLE.alice.colour),
      bob.hears(PEOPLE.alice.hz),
    ]);
  });

  it('who leaves is back home, and the list says so within 2 s', async () => {
    await bob.click('leave');
    await bob.plays(testId('preview'), '', PEOPLE.bob.colour);
    await bob.badge('alpha', '1 / 50', 2_000);
  });
});
