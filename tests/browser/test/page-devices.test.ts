/** Devices on Visavis' own page: choices that stay, devices that come and go, and people who give none. */
import assert from 'node:assert/strict';
import { afterEach, before, describe, it } from 'node:test';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { leftOut } from '../stage/servers.ts';
import { Stage } from '../stage/visit.ts';
import { testId, type Visit, type Visitor } from '../stage/visitor.ts';

const chosen = (visitor: Visitor, kind: string): Promise<string> =>
  visitor.page.$eval(testId(`${kind}-select`), (select) => (select as HTMLSelectElement).value);

describe('devices on our page', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let stage: Stage;

  before(async () => {
    [stage] = await closing.opened(Stage.open());
  });
  afterEach(() => stage.clear());

  it('a choice shows at once and is kept across a reload', async () => {
    const alice = await stage.visitor('alice');
    await alice.plays(testId('preview'), '', 'red');
    await alice.click('open-settings');
    await alice.choose('camera', 'camera-spare');
    await alice.plays(testId('settings-preview'), '', 'yellow');
    await alice.choose('microphone', 'microphone-spare');
    await alice.choose('speaker', 'speaker-spare');
    await alice.page.reload();
    await alice.plays(testId('preview'), '', 'yellow');
    await alice.click('open-settings');
    await alice.find('camera-select');
    assert.deepEqual(await Promise.all(['camera', 'microphone', 'speaker'].map((kind) => chosen(alice, kind))), [
      'camera-spare',
      'microphone-spare',
      'speaker-spare',
    ]);
  });

  it('what was chosen is what the call uses, the speaker too', async () => {
    const alice = await stage.visitor('alice');
    await alice.callMyself('alice');
    await alice.click('open-settings');
    await alice.choose('camera', 'camera-spare');
    await alice.choose('microphone', 'microphone-spare');
    await alice.choose('speaker', 'speaker-spare');
    await alice.click('close-settings');
    await alice.createRoom('chosen');
    const bob = await stage.visitor('bob', { path: '/r/chosen' });
    await Promise.all([bob.sees('alice', 'yellow'), bob.hears(1700), alice.hears(PEOPLE.bob.hz)]);
    await alice.until(
      () => window.fakeDevices.chosenSpeakers.at(-1) === 'speaker-spare',
      [],
      'the chosen speaker in use',
    );
  });

  it('a device that is plugged in appears, and a camera that goes is replaced', async () => {
    const alice = await stage.visitor('alice');
    await alice.plays(testId('preview'), '', 'red');
    await alice.click('open-settings');
    await alice.page.evaluate(() =>
      window.fakeDevices.plug({ kind: 'videoinput', id: 'camera-new', label: 'New camera', colour: 'cyan' }),
    );
    await alice.until(
      (selector) => document.querySelector(selector)?.textContent?.includes('New camera'),
      [testId('camera-select')],
      'the new camera in the list',
      3_000,
    );
    await alice.choose('camera', 'camera-new');
    await alice.plays(testId('settings-preview'), '', 'cyan');
    await alice.page.evaluate(() => window.fakeDevices.unplug('camera-new'));
    await alice.plays(testId('settings-preview'), '', 'red');
  });

  it('only kinds that exist are offered', async () => {
    const alice = await stage.visitor('alice', {
      plan: { devices: [{ kind: 'videoinput', id: 'only', label: 'Only camera', colour: 'red' }] },
    });
    await alice.plays(testId('preview'), '', 'red');
    await alice.click('open-settings');
    await alice.find('camera-select');
    await alice.hides('microphone-select');
    await alice.hides('speaker-select');
  });

  it('leaving the settings at home stops the cameras that are no longer needed', async () => {
    const alice = await stage.visitor('alice');
    await alice.plays(testId('preview'), '', 'red');
    await alice.click('open-settings');
    await alice.choose('camera', 'camera-spare');
    await alice.plays(testId('settings-preview'), '', 'yellow');
    await alice.click('close-settings');
    const cameras = () =>
      window.fakeDevices
        .inUse()
        .filter((id) => id.startsWith('camera'))
        .join() === 'camera-spare';
    await alice.until(cameras, [], 'one camera in use', 3_000);
  });

  const withoutDevices: [string, Partial<Visit>][] = [
    ['refuses camera and microphone', { devices: 'refused' }],
    ['has none', { plan: { devices: [] } }],
  ];
  for (const [why, visit] of withoutDevices) {
    it(`who ${why} reads what to do, and can still join, see and hear`, async () => {
      const alice = await stage.visitor('alice');
      await alice.callMyself('alice');
      await alice.createRoom('listeners');
      const bob = await stage.visitor('bob', visit);
      await bob.callMyself('bob');
      await bob.shows('way-back', { text: 'camera' });
      await bob.joinByClick('listeners');
      await Promise.all([
        bob.sees('alice', PEOPLE.alice.colour),
        bob.hears(PEOPLE.alice.hz),
        alice.shows('tile', { more: '[data-local="false"][data-camera-off="true"]', text: 'bob' }),
      ]);
    });
  }

  it("the browser's own devices work as well as the planned ones", async () => {
    const [alice, bob] = await Promise.all([
      stage.visitor('alice', { devices: 'browser' }),
      stage.visitor('bob', { devices: 'browser' }),
    ]);
    await Promise.all([alice.callMyself('alice'), bob.callMyself('bob')]);
    await alice.plays(testId('preview'), '', null);
    await alice.createRoom('own');
    await bob.joinByClick('own');
    const theirs = testId('tile', '[data-local="false"]');
    await Promise.all([alice.plays(theirs, 'bob', null), bob.plays(theirs, 'alice', null)]);
  });
});
