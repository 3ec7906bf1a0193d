/**
 * People at our page in Chromium, for a test in another language: `pages.ts` does what it is told by lines of JSON, each
 * `{"id": 1, "do": "open", …}`, as many at a time as one likes, and answers each by a line with its id. Ends with its input.
 */
import { createInterface } from 'node:readline';
import type { DevicePlan } from './page/devices.ts';
import { openBrowser } from './stage/browsers.ts';
import { Closing } from './stage/closing.ts';
import { PEOPLE } from './stage/devices.ts';
import { paced } from './stage/pace.ts';
import { Visitor } from './stage/visitor.ts';

interface Order {
  id: number;
  do: keyof typeof does;
  name: string;
}

interface Opening extends Order {
  /** Where the page is served. */
  at: string;
  /** To be inside of; else at home. */
  room?: string;
  looks: keyof typeof PEOPLE;
  detour?: Window['detour'];
}

await using closing = new Closing();
const [browser] = await closing.opened(openBrowser('chromium'));
const visitors = new Map<string, Visitor>();

/** How far behind this machine was, every few seconds: other people's work comes and goes. */
const paces: [at: number, factor: number][] = [];
setInterval(() => paces.push([Date.now(), paced(1_000) / 1_000]), 3_100).unref();

function called(name: string): Visitor {
  const visitor = visitors.get(name);
  if (!visitor) throw new Error(`nobody is called ${name}`);
  return visitor;
}

const does = {
  /** Comes to the page, opens the list of rooms; answers under which identity others know it, empty at home. */
  async open({ name, at, room, looks, detour }: Opening): Promise<string> {
    const plan: Partial<DevicePlan> = { fps: 10, largest: [160, 90] };
    const visitor = await Visitor.open(browser, looks, {
      at,
      plan,
      detour,
      devices: room === undefined ? 'refused' : 'fake',
    });
    visitors.set(name, visitor);
    let identity = '';
    if (room !== undefined) {
      await visitor.callMyself(name);
      await visitor.joinByClick(room);
      await visitor.click('room-list-button');
      const own = await visitor.find('tile', '[data-local="true"]');
      identity = await own.evaluate((tile) => (tile as HTMLElement).dataset['identity'] ?? '');
    }
    await visitor.page.evaluate(() => window.diary.begin());
    return identity;
  },

  /** What the page has shown since a time. */
  told({ name, since }: Order & { since: number }) {
    return called(name).page.evaluate((time) => window.diary.since(time), since);
  },

  /** Waits until the page shows pictures of others; answers when it did. */
  sees({ name, others, since }: Order & { others: string[]; since: number }) {
    return called(name).page.evaluate((identities, time) => window.diary.sees(identities, time), others, since);
  },

  /** Waits until the page lists so many people in these rooms; answers since when. */
  lists({ name, counts, since }: Order & { counts: Record<string, number>; since: number }) {
    return called(name).page.evaluate((wanted, time) => window.diary.lists(wanted, time), counts, since);
  },

  /** How long something may take that had so many ms, since then, on a machine that keeps up. */
  pace({ ms, since }: Order & { ms: number; since: number }): number {
    return ms * Math.max(1, ...paces.filter(([at]) => at >= since).map(([, factor]) => factor));
  },

  async leave({ name }: Order): Promise<void> {
    const visitor = called(name);
    visitors.delete(name);
    // A page that is left says so, one whose browser is closed may not get to it.
    await visitor.page.goto('about:blank');
    await visitor.close();
  },
};

async function follow(line: string): Promise<void> {
  const order = JSON.parse(line) as Order;
  let answer: object;
  try {
    answer = { result: (await does[order.do](order as never)) ?? null };
  } catch (error) {
    answer = { error: error instanceof Error ? error.message : String(error) };
  }
  process.stdout.write(`${JSON.stringify({ id: order.id, ...answer })}\n`);
}

for await (const line of createInterface(process.stdin)) void follow(line);
