/** What every test of Visavis' own page starts from: our server, a browser, and the people who opened pages in it. */
import type { Browser } from 'puppeteer-core';
import type { DevicePlan } from '../page/devices.ts';
import { openBrowser, type BrowserName } from './browsers.ts';
import { Closing } from './closing.ts';
import type { PEOPLE } from './devices.ts';
import { PORTS } from './ports.ts';
import { Server } from './servers.ts';
import { Visitor, type Visit } from './visitor.ts';

export class Stage {
  #visitors: Visitor[] = [];
  /** Of all who come from now on. */
  language: string | undefined;
  /** The same. */
  devices: Partial<DevicePlan> = {};

  private constructor(
    readonly server: Server,
    readonly browser: Browser,
    /** Alice's may be of another kind: a browser shows one page at a time, and slows down those that it does not show. */
    readonly browserOfAlice: Browser,
    private readonly closing: Closing,
  ) {}

  static async open(ofAlice: BrowserName = 'chromium'): Promise<Stage> {
    const closing = new Closing();
    try {
      const [server, browser] = await closing.opened(Server.start('visavis'), openBrowser('chromium'));
      const [hers] = ofAlice === 'chromium' ? [browser] : await closing.opened(openBrowser(ofAlice));
      return new Stage(server, browser, hers, closing);
    } catch (error) {
      await closing[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Ours in front of livekit-server, where rooms live then. */
  static async openInFrontOfCluster(more: string[] = []): Promise<Stage> {
    const closing = new Closing();
    try {
      const webhook = `http://127.0.0.1:${String(PORTS.visavis.http)}/api/livekit/webhook`;
      const [cluster] = await closing.opened(Server.start('livekit-server', [webhook]));
      const flags = ['--backend', 'livekit', '--livekit-url', cluster.ws, ...more];
      const [server, browser] = await closing.opened(Server.start('visavis', flags), openBrowser('chromium'));
      return new Stage(server, browser, browser, closing);
    } catch (error) {
      await closing[Symbol.asyncDispose]();
      throw error;
    }
  }

  async visitor(name: keyof typeof PEOPLE, visit: Partial<Visit> = {}): Promise<Visitor> {
    const browser = name === 'alice' ? this.browserOfAlice : this.browser;
    const plan = { ...this.devices, ...visit.plan };
    const visitor = await Visitor.open(browser, name, {
      at: this.server.http,
      language: this.language,
      ...visit,
      plan,
    });
    this.#visitors.push(visitor);
    return visitor;
  }

  /** Closes every page, so that the next test starts with nobody there. */
  async clear(): Promise<void> {
    await Promise.all(this.#visitors.map((visitor) => visitor.close().catch(() => undefined)));
    this.#visitors = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clear();
    await this.closing[Symbol.asyncDispose]();
  }
}
