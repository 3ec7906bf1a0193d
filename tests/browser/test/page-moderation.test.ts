/** Moderation on our page: who makes a room, a guest, and somebody who knocks; and a guest who asks the server itself for more. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { leftOut } from '../stage/servers.ts';
import { Stage } from '../stage/visit.ts';
import { testId, type Visitor } from '../stage/visitor.ts';

const ROOM = 'den';

describe('moderation on our page', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let stage: Stage;
  let alice: Visitor, bob: Visitor, carol: Visitor;

  before(async () => {
    [stage] = await closing.opened(Stage.open());
    [alice, bob, carol] = await Promise.all([stage.visitor('alice'), stage.visitor('bob'), stage.visitor('carol')]);
    await Promise.all([alice, bob, carol].map((visitor) => visitor.callMyself(visitor.name)));
    await alice.createRoom(ROOM);
    await bob.joinByClick(ROOM);
    await Promise.all([alice.sees('bob', PEOPLE.bob.colour), bob.hears(PEOPLE.alice.hz), alice.hears(PEOPLE.bob.hz)]);
  });

  it('who made the room moderates it, and everybody can see that', async () => {
    await alice.shows('open-room-settings');
    await bob.hides('open-room-settings');
    await bob.hides('leave-options');
    await bob.click('toggle-people');
    await bob.shows('moderator');
    await bob.hides('person-options');
    await bob.click('close-people');
  });

  it('a guest is muted, is told so, and unmutes when asked and willing', async () => {
    await alice.hides('notice');
    await alice.click('toggle-people');
    await alice.click('person-options');
    await alice.click('mute');
    await bob.shows('notice', { text: 'A moderator has turned your microphone off' });
    await bob.shows('toggle-microphone', { more: '[aria-pressed="false"]' });
    await alice.shows('person', { more: '[data-muted="true"]', text: 'bob' });
    await alice.click('person-options');
    await alice.click('ask-to-unmute');
    await bob.shows('question', { text: 'A moderator asks you to turn your microphone on' });
    await bob.click('question-no');
    await bob.shows('toggle-microphone', { more: '[aria-pressed="false"]' });
    await alice.click('person-options');
    await alice.click('ask-to-unmute');
    await bob.click('question-yes');
    await bob.shows('toggle-microphone', { more: '[aria-pressed="true"]' });
    await alice.hears(PEOPLE.bob.hz);
  });

  it('where people may not unmute, their microphones end, and come back when they may', async () => {
    await alice.click('open-room-settings');
    await alice.click('setting-mayUnmute');
    await bob.shows('toggle-microphone', { more: '[aria-disabled="true"]' });
    await alice.shows('person', { more: '[data-muted="true"]', text: 'bob' });
    await bob.press('m');
    await bob.shows('notice', { text: 'only moderators use their microphones' });
    await alice.click('setting-mayUnmute');
    await bob.shows('notice', { text: 'You may use your microphone again' });
    await bob.click('toggle-microphone');
    await alice.click('close-room-settings');
    await alice.hears(PEOPLE.bob.hz);
  });

  it('who comes to a waiting room sees oneself, waits, and is let in', async () => {
    await alice.click('open-room-settings');
    await alice.click('setting-waitingRoom');
    await alice.click('close-room-settings');
    await carol.click('room-row', `[data-room="${ROOM}"]`);
    await carol.shows('waiting', { text: 'You will be let in soon' });
    await carol.plays(testId('waiting-preview'), '', PEOPLE.carol.colour);
    await alice.shows('notice', { more: '[data-kind="knock"]', text: 'carol would like to come in' });
    await alice.shows('waiting-count', { text: '1' });
    await bob.hides('waiting-count');
    await alice.click('let-in');
    await carol.isIn(ROOM);
    await alice.hides('waiting-list');
    await alice.sees('carol', PEOPLE.carol.colour);
  });

  it('who gives up waiting is home, and who is refused is told so', async () => {
    const dave = await stage.visitor('dave', { path: `/r/${ROOM}` });
    await dave.shows('waiting');
    await dave.click('stop-waiting');
    await dave.shows('home');
    await dave.click('room-row', `[data-room="${ROOM}"]`);
    await dave.shows('waiting');
    await alice.click('refuse');
    await dave.shows('notice', { more: '[data-kind="join-failed"]', text: 'You were not let in' });
    await dave.shows('home');
  });

  it('a guest who asks the server itself gets nothing, and nobody notices', async () => {
    const answers = await bob.page.evaluate(async (room) => {
      const token = sessionStorage.getItem('visavis.token') ?? '';
      const path = `/api/video/rooms/${room}`;
      const ask = async (method: string, command: string, body?: object) => {
        const headers = { Authorization: `Bearer ${token}` };
        const answer = await fetch(path + command, { method, headers, body: body ? JSON.stringify(body) : null });
        return answer.status;
      };
      const who = await fetch(`/api/video/token?room=${room}&identity=nobody`);
      return {
        commands: await Promise.all([
          ask('POST', '/mute', {}),
          ask('POST', '/remove', { identity: 'x' }),
          ask('POST', '/moderators', { identity: 'x' }),
          ask('POST', '/admit', { all: true }),
          ask('PATCH', '', { waitingRoom: false }),
          ask('DELETE', ''),
        ]),
        byTheSide: who.status,
      };
    }, ROOM);
    assert.deepEqual(answers, { commands: [403, 403, 403, 403, 403, 403], byTheSide: 403 });
    await alice.sees('bob', PEOPLE.bob.colour);
  });

  it('a guest who says to be a moderator, or to be the moderator, is not believed', async () => {
    const identities = await alice.page.evaluate(() => sessionStorage.getItem('visavis.identity'));
    const refused = await bob.page.evaluate(
      async (room, identity) => {
        const answer = await fetch(`/api/video/token?room=${room}&identity=${identity}`);
        return ((await answer.json()) as { error: string }).error;
      },
      ROOM,
      identities,
    );
    assert.equal(refused, 'identity_taken');
  });

  it('a locked room is told to who comes, and a reload of who is inside is no coming', async () => {
    await alice.click('open-room-settings');
    await alice.click('setting-locked');
    await alice.click('close-room-settings');
    const dave = await stage.visitor('dave', { path: `/r/${ROOM}` });
    await dave.shows('notice', { more: '[data-kind="join-failed"]', text: 'The room is locked' });
    await alice.page.reload();
    await alice.isIn(ROOM);
    await alice.shows('open-room-settings');
    await alice.sees('bob', PEOPLE.bob.colour);
  });

  it('who is removed is told so, and cannot come back', async () => {
    await alice.click('toggle-people');
    await alice.click('person-options', `[aria-label="Options for bob"]`);
    await alice.click('remove');
    await alice.shows('question', { text: 'Remove bob?' });
    await alice.click('question-yes');
    await bob.shows('notice', { text: 'You have been removed from the room' });
    await bob.click('room-row', `[data-room="${ROOM}"]`);
    await bob.shows('notice', { more: '[data-kind="join-failed"]', text: 'cannot come back' });
    await alice.losesSight('bob');
  });

  it('another moderator is made, and ends the call for all', async () => {
    await alice.click('person-options', `[aria-label="Options for carol"]`);
    await alice.click('appoint');
    await carol.shows('notice', { text: 'You moderate this room' });
    await carol.click('leave-options');
    await carol.click('leave-end');
    await carol.click('question-yes');
    await Promise.all([alice.shows('home'), carol.shows('home')]);
    await alice.shows('notice', { text: 'The room has been closed' });
    await alice.shows('rooms-empty');
  });
});
