/**
 * Has Lighthouse judge our pages, as on a phone with a slow network and as on a desktop: `npm run lighthouse -- [--out folder] [page …]`.
 * Prints a table, writes the reports into the folder if one is named, and ends with 1 if a page has less than 95 in a category that counts.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openBrowser } from './stage/browsers.ts';
import { CATEGORIES, judgeFairly, LEAST, type Device } from './stage/lighthouse.ts';
import { Server } from './stage/servers.ts';

/** A call, too, with nobody else in it. */
const PAGES: Record<string, string> = { home: '/', room: '/r/lighthouse', test: '/test', admin: '/admin' };
const DEVICES: Device[] = ['phone', 'desktop'];

const { values, positionals } = parseArgs({ options: { out: { type: 'string' } }, allowPositionals: true });
const folder = values.out;
if (folder !== undefined) await mkdir(folder, { recursive: true });
const server = await Server.start('visavis');
// Somebody who lets the page have a camera and a microphone.
const browser = await openBrowser('chromium', { flags: ['--use-fake-ui-for-media-stream'] });
const row = (name: string, cells: unknown[]) =>
  name.padEnd(16) + cells.map((cell) => String(cell).padStart(15)).join('');
console.log(row('', [...CATEGORIES, 'machine']));
for (const page of positionals.length > 0 ? positionals : Object.keys(PAGES)) {
  for (const device of DEVICES) {
    const { machine, scores, findings, report } = await judgeFairly(browser, `${server.http}${PAGES[page]}`, device);
    console.log(row(`${page}, ${device}`, [...CATEGORIES.map((category) => scores[category]), machine]));
    for (const finding of findings) console.log(`  ${finding}`);
    if (folder !== undefined) await writeFile(join(folder, `${page}-${device}.json`), JSON.stringify(report, null, 1));
    if (CATEGORIES.some((category) => scores[category] < LEAST)) process.exitCode = 1;
  }
}
await browser.close();
await server[Symbol.asyncDispose]();
