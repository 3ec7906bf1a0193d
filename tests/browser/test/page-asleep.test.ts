/** Visavis' own page while nobody looks at it: hidden, frozen by the browser, or on a machine that sleeps. */
import assert from 'node:assert/strict';
import { afterEach, before, describe, it } from 'node:test';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { leftOut } from '../stage/servers.ts';
import { Stage } from '../stage/visit.ts';
import { testId, type Visitor } from '../stage/visitor.ts';

const framesReceived = (visitor: Visitor): Promise<number> =>
  visitor.page.evaluate(async () => {
    let frames = 0;
    for (const pc of window.peerConnections) {
      const stats = (await pc.getStats()) as unknown as Map<
        string,
        { type: string; kind?: string; framesReceived?: number }
      >;
      for (const entry of stats.values()) {
        if (entry.type === 'inbound-rtp' && entry.kind === 'video') frames += entry.framesReceived ?? 0;
      }
    }
    return frames;
  });

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('our page while nobody looks', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let stage: Stage;

  before(async () => {
    [stage] = await closing.opened(Stage.open());
  });
  afterEach(() => stage.clear());

  async function together(room: string): Promise<[Visitor, Visitor]> {
    const [alice, bob] = await Promise.all([stage.visitor('alice'), stage.visitor('bob')]);
    await Promise.all([alice.callMyself('alice'), bob.callMyself('bob')]);
    await alice.createRoom(room);
    await bob.joinByClick(room);
    await Promise.all([alice.sees('bob', PEOPLE.bob.colour), bob.sees('alice', PEOPLE.alice.colour)]);
    return [alice, bob];
  }

  it('hidden, it fetches no pictures, plays who joins, and goes on sending; shown, pictures are back at once', async () => {
    const [alice, bob] = await together('hidden');
    await alice.hide(true);
    // Somebody who switches to another page for a moment shall not come back to a frozen picture.
    let before = await framesReceived(alice);
    for (let quiet = 0, tries = 0; quiet < 2; tries++) {
      assert.ok(tries < 30, 'pictures still come to a page that is hidden');
      await pause(1_000);
      const now = await framesReceived(alice);
      quiet = now === before ? quiet + 1 : 0;
      before = now;
    }
    const carol = await stage.visitor('carol', { path: '/r/hidden' });
    await Promise.all([
      alice.hears(PEOPLE.carol.hz),
      carol.sees('alice', PEOPLE.alice.colour),
      bob.sees('alice', PEOPLE.alice.colour),
    ]);
    assert.equal(await framesReceived(alice), before, 'the picture of who joined came to a page that is hidden');
    await alice.hide(false);
    await alice.sees('bob', PEOPLE.bob.colour, 'camera', 3_000);
  });

  it('hidden, the small window goes on to show who is in it', async () => {
    const [alice] = await together('small');
    await alice.press('p');
    await alice.until(
      () => window.documentPictureInPicture?.window?.document.querySelector('video'),
      [],
      'a small window',
    );
    await alice.hide(true);
    // Later than pictures of a page that is hidden stop.
    await pause(8_000);
    const before = await framesReceived(alice);
    await pause(1_000);
    assert.ok((await framesReceived(alice)) > before, 'the picture in the small window stands still');
  });

  it('frozen by the browser, it makes its connection anew as soon as it resumes', async () => {
    const [alice, bob] = await together('frozen');
    const anew = await alice.signalsAnew();
    const browser = await alice.cdp();
    await browser.send('Page.setWebLifecycleState', { state: 'frozen' });
    await pause(2_000);
    await browser.send('Page.setWebLifecycleState', { state: 'active' });
    await anew(5_000);
    // Resuming leaves the page hidden; this looks at it.
    await browser.send('Emulation.setFocusEmulationEnabled', { enabled: true });
    await Promise.all([
      alice.sees('bob', PEOPLE.bob.colour, 'camera', 8_000),
      bob.sees('alice', PEOPLE.alice.colour, 'camera', 8_000),
      bob.hears(PEOPLE.alice.hz),
    ]);
  });

  it('on a machine that slept, it makes its connection anew at once', async () => {
    const [alice, bob] = await together('slept');
    const anew = await alice.signalsAnew();
    await alice.page.evaluate(() => {
      const { now } = Date;
      Date.now = () => now() + 3_600_000;
    });
    await anew(4_000);
    await alice.shows('room', { more: '[data-state="connected"]', within: 5_000 });
    await Promise.all([
      alice.sees('bob', PEOPLE.bob.colour),
      bob.sees('alice', PEOPLE.alice.colour),
      bob.hears(PEOPLE.alice.hz),
    ]);
  });

  it('sound that the system stopped starts again when the page is looked at', async () => {
    const [alice] = await together('stopped');
    await alice.hears(PEOPLE.bob.hz);
    await alice.page.evaluate(() => {
      for (const element of document.querySelectorAll('audio')) element.pause();
    });
    await alice.hide(true);
    await alice.hide(false);
    await alice.hears(PEOPLE.bob.hz);
  });

  it('a link that opens the mail program does not end the call', async () => {
    const [alice] = await together('mail');
    await alice.page.evaluate(() => window.dispatchEvent(new Event('beforeunload')));
    await pause(500);
    await alice.shows('room', { more: '[data-state="connected"]', within: 100 });
    assert.equal(await alice.page.$(testId('notice', '[data-kind="reconnecting"]')), null);
  });

  it('left, it is gone for others at once', async () => {
    const [alice, bob] = await together('left');
    await alice.page.goto('about:blank');
    await bob.losesSight('alice', 2_000);
  });
});
