/** Visavis' own page when the network or the server goes away and comes back. */
import assert from 'node:assert/strict';
import { afterEach, before, describe, it } from 'node:test';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { PORTS } from '../stage/ports.ts';
import { MediaProxy, SignallingProxy } from '../stage/proxy.ts';
import { leftOut } from '../stage/servers.ts';
import { Stage } from '../stage/visit.ts';
import { testId, type Visitor } from '../stage/visitor.ts';

const OTHERS = testId('tile', '[data-local="false"]');

describe('trouble on our page', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let stage: Stage;

  before(async () => {
    [stage] = await closing.opened(Stage.open());
  });
  afterEach(() => stage.clear());

  async function inRoom(room: string, aliceAt: string): Promise<[Visitor, Visitor]> {
    const [alice, bob] = await Promise.all([stage.visitor('alice', { at: aliceAt }), stage.visitor('bob')]);
    await Promise.all([alice.callMyself('alice'), bob.callMyself('bob')]);
    await alice.createRoom(room);
    await bob.joinByClick(room);
    await Promise.all([alice.sees('bob', PEOPLE.bob.colour), bob.sees('alice', PEOPLE.alice.colour)]);
    return [alice, bob];
  }

  it('a lost connection is told, and so is its return', async (test) => {
    const proxy = await SignallingProxy.before(Number(new URL(stage.server.http).port));
    test.after(() => proxy[Symbol.asyncDispose]());
    const [alice, bob] = await inRoom('cut', proxy.http);
    proxy.cut();
    await alice.shows('notice', { more: '[data-kind="reconnecting"]', within: 5_000 });
    proxy.mend();
    await alice.shows('notice', { more: '[data-kind="reconnected"]', within: 20_000 });
    await Promise.all([
      alice.sees('bob', PEOPLE.bob.colour),
      alice.hears(PEOPLE.bob.hz),
      bob.sees('alice', PEOPLE.alice.colour),
      bob.hears(PEOPLE.alice.hz),
    ]);
  });

  it('media that stops while signalling goes on is not waited for: the connection is made anew', async (test) => {
    const { udp } = PORTS.visavis;
    const proxy = await MediaProxy.before(udp);
    test.after(() => proxy[Symbol.asyncDispose]());
    const throughProxy = { server: udp, proxy: PORTS.mediaProxy };
    const [alice, bob] = await Promise.all([stage.visitor('alice', { throughProxy }), stage.visitor('bob')]);
    await alice.createRoom('held');
    await bob.joinByClick('held');
    const anew = await alice.signalsAnew();
    proxy.isHeld = true;
    // The browser takes five to seven seconds to doubt the connection, and fifteen to give it up.
    await anew(12_000);
    await alice.shows('notice', { more: '[data-kind="reconnecting"]', within: 5_000 });
    proxy.isHeld = false;
    await alice.shows('notice', { more: '[data-kind="reconnected"]', within: 20_000 });
    await Promise.all([alice.plays(OTHERS, '', PEOPLE.bob.colour), bob.plays(OTHERS, '', PEOPLE.alice.colour)]);
  });

  it('when the server comes back after a crash, so does the call', async () => {
    const [alice, bob] = await inRoom('crash', stage.server.http);
    await stage.server.kill();
    await Promise.all(
      [alice, bob].map((visitor) => visitor.shows('notice', { more: '[data-kind="reconnecting"]', within: 5_000 })),
    );
    await stage.server.start();
    await Promise.all([
      alice.sees('bob', PEOPLE.bob.colour, 'camera', 40_000),
      bob.sees('alice', PEOPLE.alice.colour, 'camera', 40_000),
    ]);
  });

  it('the list of rooms is right again after the server was away', async () => {
    const alice = await stage.visitor('alice');
    await alice.shows('home');
    await stage.server.kill();
    await stage.server.start();
    const bob = await stage.visitor('bob');
    await bob.createRoom('later');
    await alice.badge('later', '1 / 50', 20_000);
  });

  it('a server that shuts down says so, and the page is home again', async (test) => {
    test.after(() => stage.server.start());
    const alice = await stage.visitor('alice');
    await alice.createRoom('closing');
    const asked = Date.now();
    const ended = stage.server.stop().then((status) => ({ status, took: Date.now() - asked }));
    await alice.shows('notice', { more: '[data-kind="disconnected"]', text: 'shut down', within: 2_000 });
    await alice.shows('home');
    const { status, took } = await ended;
    assert.equal(status, 0);
    assert.ok(took < 2_000, `the server took ${took} ms to end`);
  });

  it('a room that cannot be joined says why, and home stays usable', async () => {
    const alice = await stage.visitor('alice', { path: `/r/${'x'.repeat(300)}` });
    await alice.shows('notice', { more: '[data-kind="join-failed"]' });
    await alice.createRoom('usable');
  });
});
