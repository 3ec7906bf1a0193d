/** The gallery of tiles, served by Vite as for who works on the page. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { PORTS } from './ports.ts';

const WEB = resolve(import.meta.dirname, '../../../web');

export class Gallery {
  readonly at = `http://127.0.0.1:${PORTS.gallery}`;

  private constructor(private readonly process: ChildProcess) {}

  static async start(): Promise<Gallery> {
    const flags = ['--host', '127.0.0.1', '--port', String(PORTS.gallery), '--strictPort', '--clearScreen', 'false'];
    const child = spawn(process.execPath, ['node_modules/vite/bin/vite.js', ...flags], {
      cwd: WEB,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface(child.stdout)) {
      if (!line.includes('Local:')) continue;
      child.stdout.resume();
      return new Gallery(child);
    }
    throw new Error('Vite ended before it served the gallery');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.process, 'exit');
    this.process.kill();
    await ended;
  }
}
