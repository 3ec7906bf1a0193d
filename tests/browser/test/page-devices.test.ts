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

for (const browser of ['chromium', 'firefox'] as const) {
  describe(`devices on our page in ${browser}`, { skip: leftOut('visavis') }, () => {
    const closing = closedAfter();
    let stage: Stage;

    before(async () => {
      [stage] = await closing.opened(Stage.open(browser));
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

    const HEADSET = [
      { kind: 'audioinput', id: 'headset-in', label: 'Headset (046d:0a44)', hz: 1900, group: 'headset' },
      { kind: 'audiooutput', id: 'headset-out', label: 'Headset (046d:0a44)', group: 'headset' },
    ] as const;

    async function together(room: string, visit: Partial<Visit> = {}): Promise<[Visitor, Visitor]> {
      const [alice, bob] = await Promise.all([stage.visitor('alice', visit), stage.visitor('bob')]);
      await Promise.all([alice.callMyself('alice'), bob.callMyself('bob')]);
      await alice.createRoom(room);
      await bob.joinByClick(room);
      await Promise.all([alice.sees('bob', PEOPLE.bob.colour), bob.sees('alice', PEOPLE.alice.colour)]);
      return [alice, bob];
    }

    const off = (visitor: Visitor, isOff: boolean) =>
      visitor.shows('tile', { more: `[data-local="false"][data-camera-off="${isOff}"]`, text: 'alice' });

    it('a headset that is plugged in is offered, not taken; a press takes both of its ends', async () => {
      const [alice, bob] = await together('headset');
      await alice.page.evaluate((devices) => window.fakeDevices.plug(...devices), HEADSET);
      await alice.shows('notice', { more: '[data-kind="device-offered"]', text: 'Headset is here', within: 3_000 });
      await bob.hears(PEOPLE.alice.hz);
      await alice.click('notice', '[data-kind="device-offered"] .notice-action');
      await bob.hears(1900);
      await alice.until(
        () => window.fakeDevices.chosenSpeakers.at(-1) === 'headset-out',
        [],
        'the headset in use',
        3_000,
      );
    });

    it('a headset that is pulled out is told and replaced, and taken again when it is back', async () => {
      const [alice, bob] = await together('pulled');
      await alice.click('open-settings');
      await alice.choose('microphone', 'microphone-spare');
      await alice.choose('speaker', 'speaker-spare');
      await alice.click('close-settings');
      await Promise.all([
        bob.hears(1700),
        alice.until(() => window.fakeDevices.chosenSpeakers.at(-1) === 'speaker-spare', [], 'the spare speaker in use'),
      ]);
      await alice.page.evaluate(() => {
        window.fakeDevices.unplug('microphone-spare');
        window.fakeDevices.unplug('speaker-spare');
      });
      await alice.shows('notice', { more: '[data-kind="device-gone"]', text: 'Spare', within: 3_000 });
      await Promise.all([
        bob.hears(PEOPLE.alice.hz),
        alice.until(
          () => ['', 'speaker-own'].includes(window.fakeDevices.chosenSpeakers.at(-1) ?? 'none'),
          [],
          'sound by another speaker',
          3_000,
        ),
        alice.hears(PEOPLE.bob.hz),
      ]);
      await alice.page.evaluate(() =>
        window.fakeDevices.plug(
          { kind: 'audioinput', id: 'microphone-spare', label: 'Spare microphone', hz: 1700 },
          { kind: 'audiooutput', id: 'speaker-spare', label: 'Spare speaker' },
        ),
      );
      await alice.shows('notice', { more: '[data-kind="device-taken"]', text: 'Spare microphone', within: 3_000 });
      await Promise.all([
        bob.hears(1700),
        alice.until(() => window.fakeDevices.chosenSpeakers.at(-1) === 'speaker-spare', [], 'the spare speaker again'),
      ]);
    });

    it('a camera that another program takes is off for others, and on again when the page is looked at', async () => {
      const [alice, bob] = await together('taken');
      await alice.page.evaluate(() => window.fakeDevices.take('camera-own'));
      await Promise.all([
        alice.shows('notice', { more: '[data-kind="busy-camera"]', text: 'Another program', within: 5_000 }),
        off(bob, true),
      ]);
      await alice.page.evaluate(() => {
        window.fakeDevices.giveBack('camera-own');
        document.dispatchEvent(new Event('visibilitychange'));
      });
      await Promise.all([
        bob.sees('alice', PEOPLE.alice.colour),
        alice.hides('notice', { more: '[data-kind="busy-camera"]' }),
      ]);
    });

    it('what the system holds is off for others and told to oneself, for as long as it lasts', async () => {
      const [alice, bob] = await together('held');
      await alice.page.evaluate(() => window.fakeDevices.hold('camera-own', true));
      await Promise.all([alice.shows('notice', { more: '[data-kind="held-camera"]', within: 4_000 }), off(bob, true)]);
      await alice.page.evaluate(() => window.fakeDevices.hold('camera-own', false));
      await Promise.all([
        bob.sees('alice', PEOPLE.alice.colour),
        alice.hides('notice', { more: '[data-kind="held-camera"]' }),
      ]);
    });

    it('a phone turns to its other camera, which is not mirrored', async () => {
      const phone: Partial<Visit> = {
        size: { width: 360, height: 740 },
        plan: {
          devices: [
            { kind: 'videoinput', id: 'front', label: 'Front', colour: PEOPLE.alice.colour, facing: 'user' },
            { kind: 'videoinput', id: 'back', label: 'Back', colour: 'cyan', facing: 'environment' },
            { kind: 'audioinput', id: 'microphone', label: 'Microphone', hz: PEOPLE.alice.hz },
          ],
        },
      };
      const [alice, bob] = await together('turned', phone);
      const mirrored = (is: boolean) =>
        alice.until(
          (selector, wanted) =>
            document.querySelector<HTMLVideoElement>(`${selector} video`)?.dataset['mirrored'] === String(wanted),
          [testId('tile', '[data-local="true"]'), is],
          `the own camera ${is ? '' : 'not '}mirrored`,
        );
      await mirrored(true);
      await alice.click('turn-camera');
      await Promise.all([bob.sees('alice', 'cyan'), mirrored(false)]);
      await alice.click('turn-camera');
      await Promise.all([bob.sees('alice', PEOPLE.alice.colour), mirrored(true)]);
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
      // What is above the rooms grows until the devices are there: a click would miss a room that is on its way down.
      await Promise.all([alice, bob].map((each) => each.plays(testId('preview'), '', null)));
      await alice.createRoom('own');
      await bob.joinByClick('own');
      const theirs = testId('tile', '[data-local="false"]');
      await Promise.all([alice.plays(theirs, 'bob', null), bob.plays(theirs, 'alice', null)]);
    });
  });
}
