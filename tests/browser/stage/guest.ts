/** A participant on the PyPI `livekit` client, in a process of its own: `guest.py`, which does what it is told line by line. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Server } from './servers.ts';

const PYTHON = resolve(import.meta.dirname, '../../../.venv/bin/python');
const SCRIPT = join(import.meta.dirname, '../guest.py');

export class Guest {
  #errors = '';

  private constructor(
    private readonly process: ChildProcess,
    private readonly lines: Interface,
    private readonly ended: Promise<[]>,
  ) {}

  static async join(server: Server, room: string, secret?: string): Promise<Guest> {
    const token = await server.token('guest', room, { canUpdateOwnMetadata: true });
    const encrypted = secret === undefined ? [] : [secret];
    const child = spawn(PYTHON, [SCRIPT, server.ws, token, ...encrypted], { stdio: ['pipe', 'pipe', 'pipe'] });
    const guest = new Guest(
      child,
      createInterface(child.stdout),
      once(child, 'exit').then(() => []),
    );
    child.stderr.on('data', (text) => (guest.#errors += String(text)));
    await guest.#line();
    return guest;
  }

  /** Has the guest do something; answers what it answered. */
  async do(what: string, parameters: Record<string, unknown> = {}): Promise<unknown> {
    this.process.stdin?.write(`${JSON.stringify({ do: what, ...parameters })}\n`);
    const answer = JSON.parse(await this.#line()) as { result?: unknown; error?: string };
    if (answer.error !== undefined) throw new Error(`the guest cannot ${what}: ${answer.error}`);
    return answer.result;
  }

  /** Waits until the guest heard of this. */
  expect(...happened: unknown[]): Promise<unknown> {
    return this.do('expect', { happened });
  }

  /** Leaves, and waits for the end of the process. */
  async leave(): Promise<void> {
    if (this.process.exitCode !== null) return;
    this.process.stdin?.end();
    await this.ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave();
  }

  async #line(): Promise<string> {
    const [line] = (await Promise.race([once(this.lines, 'line'), this.ended])) as [string?];
    if (line === undefined) throw new Error(`the guest ended:\n${this.#errors.slice(-2000)}`);
    return line;
  }
}
