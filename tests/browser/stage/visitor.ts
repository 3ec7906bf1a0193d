/**
 * One person at Visavis' own page: does what a person does there, by the test ids of `web/TESTING.md`, and says what the page shows
 * and plays. The only place that knows the page's test ids.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, CDPSession, Frame, KeyInput, Page } from 'puppeteer-core';
import type { DevicePlan } from '../page/devices.ts';
import type { Colour } from '../page/palette.ts';
import { devicesOf, PEOPLE } from './devices.ts';
import { paced } from './pace.ts';
import { PATIENCE, preparePage } from './person.ts';

export interface Visit {
  /** Where the page is served: the server's address, or a proxy's. */
  at: string;
  path?: string;
  plan?: Partial<DevicePlan>;
  /** `fake` devices by plan; the `browser`'s own, granted or `refused`. */
  devices?: 'fake' | 'browser' | 'refused';
  /** They were never here before: the browser has not been asked for their devices yet. */
  isFirst?: boolean;
  dark?: boolean;
  /** The network lets no UDP through. */
  onlyTcp?: boolean;
  /** WebSockets to the first address go to the second. */
  detour?: Window['detour'];
  /** The server's UDP port and a proxy's to use instead. */
  throughProxy?: Window['throughProxy'];
  size?: { width: number; height: number };
  /** What the browser asks for, as `Accept-Language` says it; else English. */
  language?: string | undefined;
}

export const testId = (id: string, more = ''): string => `[data-testid="${id}"]${more}`;

export class Visitor {
  private constructor(
    readonly name: string,
    readonly page: Page,
    /** Where ours is shown: the page itself, or a frame of somebody else's. */
    readonly view: Page | Frame = page,
  ) {}

  static async open(browser: Browser, name: keyof typeof PEOPLE, visit: Visit): Promise<Visitor> {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    await page.setViewport(visit.size ?? { width: 1000, height: 700 });
    if (visit.dark !== undefined) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: visit.dark ? 'dark' : 'light' }]);
    }
    const devices = visit.devices ?? 'fake';
    const { onlyTcp = false, detour, throughProxy } = visit;
    const plan = devices === 'fake' ? devicesOf(PEOPLE[name], visit.plan) : undefined;
    await preparePage(page, plan, { onlyTcp, detour, throughProxy });
    if (!visit.isFirst) await setPermission(page, visit.at, devices === 'refused' ? [] : ['camera', 'microphone']);
    const visitor = new Visitor(name, page);
    if (visit.language !== undefined) await visitor.readsIn(visit.language);
    await page.goto(visit.at + (visit.path ?? '/'));
    return visitor;
  }

  /** At a page that the person's own page has opened. */
  static at(name: string, page: Page): Visitor {
    return new Visitor(name, page);
  }

  /** The same person, looking at the frame in which the page that was opened shows ours. */
  async inFrame(server: string): Promise<Visitor> {
    const frame = await this.page.waitForFrame((each) => each.url().startsWith(`${server}/`), { timeout: PATIENCE });
    return new Visitor(this.name, this.page, frame);
  }

  /** From the next page on. */
  async readsIn(language: string): Promise<void> {
    const userAgent = await this.page.browser().userAgent();
    await (await this.cdp()).send('Network.setUserAgentOverride', { userAgent, acceptLanguage: language });
  }

  /** Types a name, as people are shown it. */
  async callMyself(name: string): Promise<void> {
    await this.fill('name-input', name);
  }

  async fill(id: string, text: string): Promise<void> {
    const field = await this.find(id);
    await field.click({ count: 3 });
    await field.type(text);
  }

  /** Makes a room by its name and Enter, and waits until inside. */
  async createRoom(name: string): Promise<void> {
    await this.fill('room-input', name);
    await this.page.keyboard.press('Enter');
    await this.isIn(name);
  }

  /** Clicks a room in the list, and waits until inside. */
  async joinByClick(name: string): Promise<void> {
    await this.click('room-row', `[data-room="${name}"]`);
    await this.isIn(name);
  }

  isIn(room: string): Promise<void> {
    return this.shows('room', { more: `[data-room="${room}"][data-state="connected"]` });
  }

  /** Looks at something else, or at the page again. The browser here shows no page at all: ours reads it so of itself. */
  async hide(hidden: boolean): Promise<void> {
    await this.page.evaluate((is) => {
      Object.defineProperty(document, 'hidden', { value: is, configurable: true });
      Object.defineProperty(document, 'visibilityState', { value: is ? 'hidden' : 'visible', configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
  }

  async leave(): Promise<void> {
    await this.click('leave');
    await this.shows('home');
  }

  async click(id: string, more = ''): Promise<void> {
    await (await this.find(id, more)).click();
  }

  async press(...keys: KeyInput[]): Promise<void> {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  async find(id: string, more = '') {
    const found = await this.view
      .waitForSelector(testId(id, more), { visible: true, timeout: PATIENCE })
      .catch(() => null);
    if (!found) throw new Error(`${this.name}'s page shows no ${testId(id, more)}. ${await this.report()}`);
    return found;
  }

  /** Waits until an element is there and shown, with this text in it. */
  shows(id: string, { more = '', text = '', within = PATIENCE } = {}): Promise<void> {
    return this.until(
      (selector, words) =>
        [...document.querySelectorAll<HTMLElement>(selector)].some(
          (element) => element.checkVisibility() && (element.innerText ?? '').includes(words),
        ),
      [testId(id, more), text],
      `${testId(id, more)} with "${text}"`,
      within,
    );
  }

  hides(id: string, { more = '', within = PATIENCE } = {}): Promise<void> {
    return this.until(
      (selector) => ![...document.querySelectorAll(selector)].some((element) => element.checkVisibility()),
      [testId(id, more)],
      `no ${testId(id, more)}`,
      within,
    );
  }

  /** Waits until a room's badge reads so. */
  badge(room: string, text: string, within = PATIENCE): Promise<void> {
    return this.until(
      (selector, words) => document.querySelector<HTMLElement>(selector)?.innerText.trim() === words,
      [`${testId('room-row', `[data-room="${room}"]`)} ${testId('room-count')}`, text],
      `badge "${text}" of ${room}`,
      within,
    );
  }

  /** Waits until the tile of a person (named in it) plays a picture of this colour. */
  sees(name: string, colour: Colour, source = 'camera', within = PATIENCE): Promise<void> {
    return this.plays(testId('tile', `[data-local="false"][data-source="${source}"]`), name, colour, within);
  }

  /** Waits until a `<video>` in an element of the selector that has the text plays, in this colour if one is named. */
  plays(selector: string, text: string, colour: Colour | null, within = PATIENCE): Promise<void> {
    return this.until(
      (where, words, wanted) => {
        const place = [...document.querySelectorAll<HTMLElement>(where)].find(
          (element) => element instanceof HTMLVideoElement || element.innerText.includes(words),
        );
        const video = place instanceof HTMLVideoElement ? place : place?.querySelector('video');
        const sight = video && window.senses.see(video);
        if (!sight || sight.rgb === null || (wanted !== null && sight.colour !== wanted)) return false;
        const key = `${where} ${words} ${wanted ?? ''}`;
        const start = (window.seenFrom ??= {});
        start[key] ??= sight.frames;
        return sight.frames >= start[key] + 5 && delete start[key];
      },
      [selector, text, colour],
      `a video of ${text} in ${selector} in ${colour ?? 'any colour'}`,
      within,
    );
  }

  /** Waits until no tile of a person is shown. */
  losesSight(name: string, within = PATIENCE): Promise<void> {
    return this.until(
      (selector, words) =>
        ![...document.querySelectorAll<HTMLElement>(selector)].some((tile) => tile.innerText.includes(words)),
      [testId('tile', '[data-local="false"]'), name],
      `no tile of ${name}`,
      within,
    );
  }

  /** Waits until some element plays this pitch aloud. */
  hears(hz: number, within = PATIENCE): Promise<void> {
    return this.until(
      (wanted) =>
        [...document.querySelectorAll<HTMLMediaElement>('audio, video')].some((element) => {
          if (!(element.srcObject instanceof MediaStream) || element.muted || element.paused) return false;
          const sound = window.senses.hear(element.srcObject);
          return sound.db > -60 && Math.abs(sound.hz - wanted) < 25;
        }),
      [hz],
      `a tone of ${hz} Hz`,
      within,
    );
  }

  /** Chooses a device in the settings, which must be open. */
  async choose(kind: 'camera' | 'microphone' | 'speaker', device: string): Promise<void> {
    await this.find(`${kind}-select`);
    await this.view.select(testId(`${kind}-select`), device);
  }

  async until<A extends unknown[]>(
    predicate: (...args: A) => unknown,
    args: [...A],
    what: string,
    within = PATIENCE,
  ): Promise<void> {
    const limit = paced(within);
    await this.view
      .waitForFunction(predicate as (...given: unknown[]) => unknown, { timeout: limit, polling: 50 }, ...args)
      .catch(async (error: unknown) => {
        throw new Error(`not within ${limit} ms on ${this.name}'s page: ${what}. ${await this.report()}`, {
          cause: error,
        });
      });
  }

  /** Listens for the page's signalling being opened anew, which it does quietly; the function returned waits for that. */
  async signalsAnew(): Promise<(within: number) => Promise<void>> {
    const browser = await this.cdp();
    await browser.send('Network.enable');
    const opened = new Promise<void>((resolve) => {
      browser.on('Network.webSocketCreated', ({ url }) => {
        if (/\/rtc\b.*reconnect=1/.test(url)) resolve();
      });
    });
    return async (within) => {
      const limit = paced(within);
      const tooLate = sleep(limit).then(() => {
        throw new Error(`${this.name}'s page has not signalled anew within ${limit} ms`);
      });
      await Promise.race([opened, tooLate]);
    };
  }

  cdp(): Promise<CDPSession> {
    return this.page.createCDPSession();
  }

  async close(): Promise<void> {
    await this.page.browserContext().close();
  }

  /** As `close`, whether or not it crashed before. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close().catch(() => undefined);
  }

  /** What the page shows now, for a failure's message. */
  report(): Promise<string> {
    return this.view
      .evaluate(() => {
        const ids = [...document.querySelectorAll<HTMLElement>('[data-testid]')]
          .filter((element) => element.checkVisibility())
          .map((element) => element.dataset['testid'] + JSON.stringify({ ...element.dataset, testid: undefined }));
        return `At ${location.pathname}: "${document.body.innerText.slice(0, 600)}"; test ids: ${ids.join(' ')}`;
      })
      .catch(() => 'The page no longer answers.');
  }
}

/**
 * As after a visit at which the person allowed these devices, and no others. Firefox takes no such order; of its own it asks nobody
 * here, so it is only made to say so.
 */
async function setPermission(page: Page, origin: string, granted: ('camera' | 'microphone')[]): Promise<void> {
  if (!(await page.browser().version()).toLowerCase().startsWith('firefox')) {
    await page.browserContext().overridePermissions(origin, granted);
    return;
  }
  await page.evaluateOnNewDocument((names) => {
    const query = navigator.permissions.query.bind(navigator.permissions);
    navigator.permissions.query = (what) =>
      names.some((name) => name === what.name)
        ? Promise.resolve(Object.assign(new EventTarget(), { state: 'granted', name: what.name }) as PermissionStatus)
        : query(what);
  }, granted);
}
