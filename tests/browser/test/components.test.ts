/** The prefabs of `@livekit/components-react` as people use them: a preview, a call of two, a chat, leaving. At both servers. */
import { before, describe, it } from 'node:test';
import type { Browser, Page } from 'puppeteer-core';
import type { Colour } from '../page/palette.ts';
import { openBrowser } from '../stage/browsers.ts';
import { HarnessSite } from '../stage/bundle.ts';
import { closedAfter } from '../stage/closing.ts';
import { devicesOf, PEOPLE } from '../stage/devices.ts';
import { openPage, PATIENCE } from '../stage/person.ts';
import { leftOutUnlessAll, Server, type ServerName } from '../stage/servers.ts';

const OTHERS = '.lk-participant-tile[data-lk-local-participant=false]';
const SCREENSHOTS = process.env['TEST_SCREENSHOTS'];

/** One who uses the prefabs; knows their class names. */
class User {
  private constructor(
    readonly name: keyof typeof PEOPLE,
    readonly page: Page,
  ) {}

  static async open(name: keyof typeof PEOPLE, browser: Browser, server: Server): Promise<User> {
    const query = new URLSearchParams({ url: server.ws, token: await server.token(name, 'components') });
    const page = await openPage(browser, `${HarnessSite.url}components?${query}`, devicesOf(PEOPLE[name]));
    await page.setViewport({ width: 1000, height: 700 });
    return new User(name, page);
  }

  async join(): Promise<void> {
    await this.page.locator('#username').fill(this.name);
    await this.page.locator('.lk-join-button:not([disabled])').click();
    await this.until((selector) => document.querySelector(selector) !== null, ['.lk-control-bar'], 'is in the call');
  }

  /** Waits until a video there has shown some frames in this colour. */
  sees(where: string, colour: Colour): Promise<void> {
    return this.until(
      (selector, wanted) =>
        [...document.querySelectorAll<HTMLVideoElement>(selector)].some((video) => {
          const sight = window.senses.see(video);
          return sight.colour === wanted && sight.frames >= 5;
        }),
      [`${where} video`, colour],
      `${colour} in ${where}`,
    );
  }

  hears(hz: number): Promise<void> {
    return this.until(
      (wanted) =>
        [...document.querySelectorAll('audio')].some((element) => {
          if (!(element.srcObject instanceof MediaStream)) return false;
          const sound = window.senses.hear(element.srcObject);
          return sound.db > -60 && Math.abs(sound.hz - wanted) < 25;
        }),
      [hz],
      `${hz} Hz`,
    );
  }

  reads(text: string, where: string): Promise<void> {
    return this.until(
      (words, selector) => document.querySelector<HTMLElement>(selector)?.innerText.includes(words),
      [text, where],
      `"${text}" in ${where}`,
    );
  }

  async until<A extends unknown[]>(predicate: (...args: A) => unknown, args: [...A], what: string): Promise<void> {
    await this.page
      .waitForFunction(predicate as (...given: unknown[]) => unknown, { timeout: PATIENCE, polling: 50 }, ...args)
      .catch(async (cause: unknown) => {
        const text = await this.page.evaluate(() => document.body.innerText.slice(0, 500));
        throw new Error(`not within ${PATIENCE} ms on ${this.name}'s page: ${what}. It reads: ${text}`, { cause });
      });
  }

  async screenshot(what: string): Promise<void> {
    if (SCREENSHOTS) await this.page.screenshot({ path: `${SCREENSHOTS}/${what}.png` });
  }
}

for (const name of ['visavis', 'livekit-server'] satisfies ServerName[]) {
  describe(`components-react's prefabs through ${name}`, { skip: leftOutUnlessAll(name) }, () => {
    const closing = closedAfter();
    let browser: Browser, server: Server;
    let alice: User, bob: User;

    before(async () => {
      [browser, , server] = await closing.opened(openBrowser('chromium'), HarnessSite.open(), Server.start(name));
      [alice, bob] = await Promise.all([User.open('alice', browser, server), User.open('bob', browser, server)]);
    });

    it('PreJoin shows the own picture, and joins', async () => {
      await Promise.all([alice.sees('.lk-prejoin', 'red'), bob.sees('.lk-prejoin', 'green')]);
      await alice.screenshot(`${name}-prejoin`);
      await alice.join();
      await bob.join();
    });

    it('VideoConference shows and plays the other', async () => {
      await Promise.all([
        alice.sees(OTHERS, 'green'),
        alice.hears(PEOPLE.bob.hz),
        alice.reads('bob', `${OTHERS} .lk-participant-name`),
        bob.sees(OTHERS, 'red'),
        bob.hears(PEOPLE.alice.hz),
      ]);
      await alice.screenshot(`${name}-call`);
    });

    it('a chat message arrives', async () => {
      await alice.page.locator('.lk-chat-toggle').click();
      await alice.page.locator('.lk-chat-form-input').fill('Hello, Bob');
      await alice.page.locator('.lk-chat-form-button').click();
      await bob.page.locator('.lk-chat-toggle').click();
      await bob.reads('Hello, Bob', '.lk-chat-messages');
      await bob.screenshot(`${name}-chat`);
    });

    it('who leaves is out, and the other sees it', async () => {
      await alice.page.locator('.lk-disconnect-button').click();
      await alice.reads('You left', 'h1');
      await bob.until((tiles) => document.querySelector(tiles) === null, [OTHERS], 'no tile of another');
    });
  });
}
