/** Rooms in pages of somebody else's, at another origin: by a plain frame and by the web component, with events and commands. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'puppeteer-core';
import { openBrowser } from '../stage/browsers.ts';
import { closedAfter } from '../stage/closing.ts';
import { PEOPLE } from '../stage/devices.ts';
import { Host } from '../stage/host.ts';
import { PORTS } from '../stage/ports.ts';
import { leftOut, Server } from '../stage/servers.ts';
import { testId, Visitor } from '../stage/visitor.ts';

const SERVER = `http://127.0.0.1:${PORTS.visavis.http}`;

declare global {
  interface Window {
    told: { type: string; [detail: string]: unknown }[];
  }
}

/** A page with a plain frame that writes down what it is told. */
function framePage(query: string): string {
  return `<body style="margin:0"><iframe id="room" title="Room" src="${SERVER}/r/alpha?embed=1&${query}"
      allow="camera; microphone; display-capture; autoplay" style="width:100%;height:95vh;border:0"></iframe>
    <script>
      window.told = [];
      addEventListener('message', ({ data, origin }) => {
        if (origin === '${SERVER}' && data.visavis === 1) told.push(data);
      });
    </script></body>`;
}

const COMPONENT = `<body style="margin:0">
  <visavis-room room="alpha" name="Bob of the host" accent="7a1fa2" theme="light" style="height:95vh"></visavis-room>
  <script>
    window.told = [];
    for (const type of ['ready', 'joined', 'left', 'participant-joined', 'participant-left', 'muted', 'error'])
      addEventListener('visavis-' + type, ({ detail }) => told.push({ type, ...detail }));
  </script>
  <script type="module" src="${SERVER}/embed.js"></script></body>`;

/** In a frame beside that of the room: says to it what only the page around both may say. */
const SAYS_LEAVE = `<body><script>
  parent.frames[0].postMessage({ visavis: 1, type: 'leave' }, '${SERVER}');
  parent.postMessage('sent', '*');
</script></body>`;

/** Waits until the embedding page was told of something. */
async function told(page: Page, type: string, details: Record<string, unknown> = {}): Promise<void> {
  await page
    .waitForFunction(
      (wanted, fields) =>
        window.told.some(
          (event) => event.type === wanted && Object.entries(fields).every(([name, value]) => event[name] === value),
        ),
      { timeout: 20_000, polling: 50 },
      type,
      details,
    )
    .catch(async () => {
      const all = JSON.stringify(await page.evaluate(() => window.told));
      throw new Error(`the page was not told ${type} ${JSON.stringify(details)}, but ${all}`);
    });
}

function command(page: Page, message: object): Promise<void> {
  return page.evaluate(
    (data, origin) => {
      document.querySelector('iframe')?.contentWindow?.postMessage({ visavis: 1, ...data }, origin);
    },
    message,
    SERVER,
  );
}

/** A theme with a logo that has no size of its own, as drawings often have none. */
async function themeFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'visavis-theme-'));
  after(() => rm(folder, { recursive: true, force: true }));
  const logo = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 32"><rect width="120" height="32"/></svg>';
  await writeFile(join(folder, 'acme.svg'), logo);
  await writeFile(
    join(folder, 'theme.toml'),
    'name = "Acme Meet"\nlogo = "acme.svg"\naccent = "#e4002b"\nradius = "8px"',
  );
  return join(folder, 'theme.toml');
}

describe('rooms in pages of another origin', { skip: leftOut('visavis') }, () => {
  const closing = closedAfter();
  let browser: Browser, server: Server, host: Host, stranger: Host;
  let alice: Visitor, bob: Visitor;

  const visit = async (name: keyof typeof PEOPLE, at: string, path: string): Promise<Visitor> => {
    const [visitor] = await closing.opened(Visitor.open(browser, name, { at, path }));
    return visitor;
  };

  before(async () => {
    const origin = `http://127.0.0.1:${PORTS.hosts[0]}`;
    [browser, server, host, stranger] = await closing.opened(
      openBrowser('chromium'),
      Server.start('visavis', ['--frame-ancestors', origin, '--theme', await themeFile()]),
      Host.open(0, (own) => ({
        '/frame': framePage(`name=Alice+of+the+host&camera=off&parent=${own}`),
        '/waits': framePage(`join=0&theme=dark&lang=de&accent=nonsense&controls=microphone,leave&parent=${own}`),
        '/misnamed': framePage('parent=https://other.example').replace('/r/alpha', '/r/beta'),
        '/says-leave': SAYS_LEAVE,
        '/component': COMPONENT,
      })),
      Host.open(1, () => ({ '/frame': framePage('name=Mallory'), '/says-leave': SAYS_LEAVE })),
    );
  });

  it('two people in pages of another origin, one by a frame and one by the component, see and hear each other', async () => {
    alice = await visit('alice', host.origin, '/frame').then((visitor) => visitor.inFrame(server.http));
    bob = await visit('bob', host.origin, '/component').then((visitor) => visitor.inFrame(server.http));
    await Promise.all([alice.isIn('alpha'), bob.isIn('alpha')]);
    await alice.sees('Bob of the host', 'green');
    await alice.hears(PEOPLE.bob.hz);
    await bob.hears(PEOPLE.alice.hz);
    await bob.shows('tile', { more: '[data-local="false"][data-camera-off="true"]', text: 'Alice of the host' });
  });

  it('the pages around are told who is there and what is off', async () => {
    await told(alice.page, 'ready', { room: 'alpha' });
    await told(alice.page, 'muted', { camera: true, microphone: false });
    await told(alice.page, 'joined', { room: 'alpha', name: 'Alice of the host' });
    await told(alice.page, 'participant-joined', { name: 'Bob of the host' });
    await told(bob.page, 'joined', { name: 'Bob of the host' });
    await told(bob.page, 'participant-joined', { name: 'Alice of the host' });
  });

  it('commands turn devices on and off, and change the name, from outside', async () => {
    await command(alice.page, { type: 'unmute', device: 'camera' });
    await bob.sees('Alice of the host', 'red');
    await told(alice.page, 'muted', { camera: false, microphone: false });
    await bob.page.evaluate(() => document.querySelector('visavis-room')?.setAttribute('microphone', 'off'));
    await alice.shows('tile', { more: '[data-local="false"][data-muted="true"]', text: 'Bob of the host' });
    await bob.click('toggle-camera');
    await bob.page.waitForSelector('visavis-room[camera="off"][state="joined"]', { timeout: 20_000 });
    await command(alice.page, { type: 'set-name', name: 'Alice Liddell' });
    await bob.shows('tile', { more: '[data-local="false"]', text: 'Alice Liddell' });
  });

  it('the frame has its permissions, a name for screen readers, the colours that were asked for, and no way home', async () => {
    const frame = await bob.page.evaluate(() => {
      const found = document.querySelector('visavis-room')?.shadowRoot?.querySelector('iframe');
      return { title: found?.title, allow: found?.allow };
    });
    assert.equal(frame.title, 'Video call: alpha');
    const inside = await bob.view.evaluate(() => ({
      allowed: ['camera', 'microphone', 'display-capture'].map((feature) =>
        (
          document as unknown as { featurePolicy: { allowsFeature(name: string): boolean } }
        ).featurePolicy.allowsFeature(feature),
      ),
      accent: getComputedStyle(document.documentElement).getPropertyValue('--accent'),
      rooms: document.querySelector('[data-testid="room-list-button"]'),
    }));
    assert.deepEqual(inside.allowed, [true, true, true]);
    assert.match(inside.accent, /#7a1fa2/, 'the address says more than the theme');
    assert.equal(inside.rooms, null);
  });

  it('commands of another origin are not taken, nor those of another window', async () => {
    for (const origin of [host.origin, stranger.origin]) {
      await alice.page.evaluate(async (src) => {
        const frame = document.createElement('iframe');
        frame.src = src;
        const sent = new Promise((resolve) =>
          addEventListener('message', ({ data }) => data === 'sent' && resolve(undefined)),
        );
        document.body.append(frame);
        await sent;
        frame.remove();
      }, `${origin}/says-leave`);
    }
    // What came before it has been taken when what comes after it is.
    await command(alice.page, { type: 'mute', device: 'microphone' });
    await told(alice.page, 'muted', { camera: false, microphone: true });
    await alice.isIn('alpha');
    assert.equal(await alice.page.evaluate(() => window.told.some(({ type }) => type === 'left')), false);
  });

  it('a page that its own frame does not name is told nothing, and not obeyed', async () => {
    const carol = await visit('carol', host.origin, '/misnamed').then((visitor) => visitor.inFrame(server.http));
    await carol.isIn('beta');
    const heard = carol.view.evaluate(
      () =>
        new Promise((resolve) =>
          addEventListener('message', ({ data }) => (data as { last?: true }).last && resolve(undefined)),
        ),
    );
    await command(carol.page, { type: 'leave' });
    await command(carol.page, { last: true });
    await heard;
    await carol.isIn('beta');
    assert.deepEqual(await carol.page.evaluate(() => window.told), []);
  });

  it('hanging up from outside and leaving inside end in a page with a way back in, and both are told', async () => {
    await bob.page.evaluate(() => (document.querySelector('visavis-room') as unknown as { hangUp(): void }).hangUp());
    await bob.shows('left', { text: 'You have left the call.' });
    await told(bob.page, 'left', { room: 'alpha' });
    await told(alice.page, 'participant-left', { name: 'Bob of the host' });
    await bob.click('join-again');
    await bob.isIn('alpha');
    await alice.click('leave');
    await alice.shows('left', { text: 'You have left the call.' });
    await command(alice.page, { type: 'join' });
    await alice.isIn('alpha');
    assert.equal(await alice.page.evaluate(() => history.length), 2, 'the host’s history has no entries of ours');
  });

  it('may wait for the join, in another language, in the dark, with the controls that were named, and tells what is wrong', async () => {
    const carol = await visit('carol', host.origin, '/waits').then((visitor) => visitor.inFrame(server.http));
    await carol.shows('left', { text: 'Sie sind noch nicht im Gespräch.' });
    await told(carol.page, 'error', { code: 'invalid-option' });
    assert.equal(await carol.view.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(19, 20, 23)');
    await command(carol.page, { type: 'join' });
    await carol.isIn('alpha');
    const controls = await carol.view.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>('.controls button')].map((button) => button.dataset['testid']),
    );
    assert.deepEqual(controls, ['toggle-microphone', 'choose-microphone', 'leave']);
  });

  it('a token behind # lets in as whom it names, and is in no request, no address and no copied link', async () => {
    const token = await server.token('the-host-knows', 'alpha');
    const asked: string[] = [];
    const dave = await visit('carol', host.origin, '/component');
    dave.page.on('request', (request) => asked.push(request.url(), request.headers()['referer'] ?? ''));
    await dave.page.evaluate((held) => document.querySelector('visavis-room')?.setAttribute('token', held), token);
    const inside = await dave.inFrame(server.http);
    await told(dave.page, 'joined', { identity: 'the-host-knows' });
    assert.equal(await inside.view.evaluate(() => location.hash), '');
    assert.deepEqual(
      asked.map((url) => url.split('#')[0] ?? '').filter((url) => url.includes(token) && !url.includes('/rtc')),
      [],
    );
    await inside.view.evaluate(() => location.reload());
    await dave.page.evaluate(() => (window.told.length = 0));
    await told(dave.page, 'joined', { identity: 'the-host-knows' });
  });

  it('an installation has its own name, logo and colours from the first paint', async () => {
    const carol = await visit('carol', server.http, '/');
    assert.equal(await carol.page.title(), 'Acme Meet');
    await carol.until(
      () => (document.querySelector<HTMLImageElement>('img[alt="Acme Meet"]')?.getBoundingClientRect().width ?? 0) > 60,
      [],
      'the logo',
    );
    // Before any script has run.
    await carol.page.setJavaScriptEnabled(false);
    await carol.page.reload();
    const accent = await carol.page.$eval('html', (root) => getComputedStyle(root).getPropertyValue('--accent'));
    assert.equal(accent, '#c20025');
    await carol.close();
  });

  it('a page whose origin is not named cannot show a room, and its commands reach nothing', async () => {
    const mallory = await visit('carol', stranger.origin, '/frame');
    await mallory.page.waitForFunction(() => document.querySelector('iframe')?.contentWindow !== null);
    await command(mallory.page, { type: 'join' });
    const frame = mallory.page.frames().find((each) => each !== mallory.page.mainFrame());
    await frame?.waitForFunction(() => document.readyState === 'complete').catch(() => undefined);
    assert.equal(await frame?.$(testId('room')), null);
    assert.match(frame?.url() ?? '', /^chrome-error:/);
    assert.deepEqual(await mallory.page.evaluate(() => window.told), []);
  });
});
