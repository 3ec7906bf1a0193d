/**
 * One person in a call by the harness page: joins, publishes, and says what they see and hear of others. Every wait is for
 * something in the page and has a limit.
 */
import type { BrowserContext, Browser, Page } from 'puppeteer-core';
import type { RoomConnectOptions, RoomOptions, Track } from 'livekit-client';
import type { VideoGrant } from 'livekit-server-sdk';
import type { DevicePlan } from '../page/devices.ts';
import type { Colour } from '../page/palette.ts';
import { injectedScript, type HarnessSite } from './bundle.ts';
import { devicesOf, PEOPLE } from './devices.ts';
import { paced } from './pace.ts';
import type { Server } from './servers.ts';

export type Source = `${Track.Source}`;

/** How long a first picture or sound may take on a busy machine, ms. */
export const PATIENCE = 15_000;

export interface Setup {
  plan?: Partial<DevicePlan>;
  room?: RoomOptions;
  connect?: RoomConnectOptions;
  grant?: VideoGrant;
  onlyTcp?: boolean;
  /** Video codecs, as mime types, that the browser cannot decode. */
  undecodable?: string[];
  /** Only relays are used, and of these only those whose URL matches this. */
  onlyTurn?: string;
  /** Encrypts from end to end, by a key made of this. */
  secret?: string;
  /** The server's UDP port and a proxy's to use instead. */
  throughProxy?: Window['throughProxy'];
  /** WebSockets to the first address go to the second. */
  detour?: Window['detour'];
  /** Where to connect instead of the server itself, for instance a proxy before it. */
  url?: string;
}

/** How the network or the browser is narrowed for a page. */
type Narrow = Pick<Setup, 'detour' | 'onlyTcp' | 'onlyTurn' | 'throughProxy' | 'undecodable'>;

/** Opens a page of its own profile, with devices planned, at `url`. */
export async function openPage(browser: Browser, url: string, plan?: DevicePlan, narrow: Narrow = {}): Promise<Page> {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await preparePage(page, plan, narrow);
  await page.goto(url);
  return page;
}

export async function preparePage(page: Page, plan?: DevicePlan, narrow: Narrow = {}): Promise<void> {
  const { detour, onlyTcp, onlyTurn, throughProxy, undecodable } = narrow;
  const setup = JSON.stringify({ devicePlan: plan, detour, onlyTcp, onlyTurn, throughProxy, undecodable });
  await page.evaluateOnNewDocument(`Object.assign(window, ${setup});\n${await injectedScript()}`);
}

export class Person {
  private constructor(
    readonly name: string,
    readonly page: Page,
  ) {}

  /** Opens the page, joins the room, and publishes nothing yet. */
  static async join(
    name: keyof typeof PEOPLE,
    room: string,
    { browser, site, server, setup = {} }: { browser: Browser; site: HarnessSite; server: Server; setup?: Setup },
  ): Promise<Person> {
    const page = await openPage(browser, site.url, devicesOf(PEOPLE[name], setup.plan), setup);
    const person = new Person(name, page);
    await person.connect(server, room, setup);
    return person;
  }

  async connect(server: Server, room: string, setup: Setup = {}): Promise<void> {
    const token = await server.token(this.name, room, setup.grant);
    await this.page.evaluate(
      (url, given, options, connect, secret) => window.harness.join(url, given, options, connect, secret),
      setup.url ?? server.ws,
      token,
      setup.room ?? {},
      setup.connect ?? {},
      setup.secret,
    );
  }

  async publish(): Promise<void> {
    await this.page.evaluate(() => Promise.all([window.harness.camera(true), window.harness.microphone(true)]));
  }

  /** Waits until frames of the other's camera (or screen) advance and show the colour. */
  async sees(other: string, colour: Colour, source: Source = 'camera', within = PATIENCE): Promise<void> {
    await this.#until(
      (identity, of, wanted) => {
        const sight = window.harness.track(identity, of as Track.Source)?.sight;
        if (sight?.colour !== wanted) return false;
        // Five frames since the colour was first right: a still picture is no video.
        const key = `${identity} ${of} ${wanted}`;
        const start = (window.seenFrom ??= {});
        start[key] ??= sight.frames;
        return sight.frames >= start[key] + 5 && delete start[key];
      },
      [other, source, colour],
      `${this.name} sees ${other}'s ${source} in ${colour}`,
      within,
    );
  }

  /** Waits until the other's tone is the loudest pitch in what comes from them. */
  async hears(other: string, hz: number, within = PATIENCE): Promise<void> {
    await this.#until(
      (identity, wanted) => {
        const sound = window.harness.track(identity, 'microphone' as Track.Source)?.sound;
        return sound != null && sound.db > -60 && Math.abs(sound.hz - wanted) < 25;
      },
      [other, hz],
      `${this.name} hears ${other} at ${hz} Hz`,
      within,
    );
  }

  /** Waits until the other's track is told to be muted, or not. */
  async knowsMuted(other: string, source: Source, muted: boolean, within = 2_000): Promise<void> {
    await this.#until(
      (identity, of, wanted) => window.harness.track(identity, of as Track.Source)?.muted === wanted,
      [other, source, muted],
      `${this.name} knows ${other}'s ${source} ${muted ? 'muted' : 'unmuted'}`,
      within,
    );
  }

  /** Waits until nothing is heard from the other. */
  async hearsSilence(other: string, within = 2_000): Promise<void> {
    await this.#until(
      (identity) => (window.harness.track(identity, 'microphone' as Track.Source)?.sound?.db ?? -Infinity) < -80,
      [other],
      `${this.name} hears silence from ${other}`,
      within,
    );
  }

  async losesTrack(other: string, source: Source, within = 2_000): Promise<void> {
    await this.#until(
      (identity, of) => window.harness.track(identity, of as Track.Source) === null,
      [other, source],
      `${this.name} loses ${other}'s ${source}`,
      within,
    );
  }

  /** Waits until exactly these others are in the room. */
  async isWith(others: string[], within = PATIENCE): Promise<void> {
    await this.#until(
      (wanted) => window.harness.others().join() === wanted,
      [[...others].sort().join()],
      `${this.name} is with [${others.join(', ')}]`,
      within,
    );
  }

  /** Waits until a predicate of the page's holds; `what` is named if it does not. */
  until<A extends unknown[]>(
    predicate: (...args: A) => unknown,
    args: [...A],
    what: string,
    within = PATIENCE,
  ): Promise<void> {
    return this.#until(predicate, args, `${this.name}: ${what}`, within);
  }

  context(): BrowserContext {
    return this.page.browserContext();
  }

  /** Kills the page's process: its media stops, and no script of it gets to say goodbye. */
  async crash(): Promise<void> {
    const gone = new Promise<void>((resolve) => this.page.once('error', () => resolve()));
    const session = await this.page.createCDPSession();
    // The crashed page never answers this.
    session.send('Page.crash').catch(() => undefined);
    await gone;
  }

  /** Ends the page and its profile without a word to the server, as closing the browser does. */
  async close(): Promise<void> {
    await this.page.browserContext().close();
  }

  /** As `close`, whether or not it crashed before. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close().catch(() => undefined);
  }

  async #until<A extends unknown[]>(
    predicate: (...args: A) => unknown,
    args: [...A],
    what: string,
    within: number,
  ): Promise<void> {
    const limit = paced(within);
    await this.page
      .waitForFunction(predicate as (...given: unknown[]) => unknown, { timeout: limit, polling: 50 }, ...args)
      .catch(async (error: unknown) => {
        throw new Error(`not within ${limit} ms: ${what}. ${await this.#report()}`, { cause: error });
      });
  }

  /** What the page knows now, for a failure's message. */
  #report(): Promise<string> {
    return this.page
      .evaluate(() => {
        const { harness } = window;
        const sources = ['camera', 'microphone', 'screen_share'] as Track.Source[];
        const tracks = harness
          .others()
          .flatMap((identity) => sources.map((source) => [identity, source, harness.track(identity, source)] as const))
          .filter(([, , track]) => track !== null);
        const events = harness.events.slice(-25).map(({ name, detail }) => (detail ? `${name} ${detail}` : name));
        return JSON.stringify({
          state: harness.state(),
          others: harness.others(),
          speakers: harness.speakers(),
          tracks,
          events,
        });
      })
      .catch(() => 'The page no longer answers.');
  }
}

declare global {
  interface Window {
    seenFrom?: Record<string, number>;
  }
}
