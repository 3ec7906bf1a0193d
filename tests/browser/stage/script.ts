/** A Python script in a process of its own that does what it is told: a line of JSON in, a line of JSON out. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';

const PYTHON = resolve(import.meta.dirname, '../../../.venv/bin/python');

export class Script {
  readonly #process: ChildProcess;
  readonly #lines: Interface;
  readonly #ended: Promise<[]>;
  #errors = '';

  constructor(
    private readonly path: string,
    args: string[],
  ) {
    const child = spawn(PYTHON, [path, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#process = child;
    this.#lines = createInterface(child.stdout);
    this.#ended = once(child, 'exit').then(() => []);
    child.stderr.on('data', (text) => (this.#errors += String(text)));
  }

  /** Has the script do something; answers what it answered. */
  async do(what: string, parameters: Record<string, unknown> = {}): Promise<unknown> {
    this.#process.stdin?.write(`${JSON.stringify({ do: what, ...parameters })}\n`);
    const answer = JSON.parse(await this.line()) as { result?: unknown; error?: string };
    if (answer.error !== undefined) throw new Error(`${this.path} cannot ${what}: ${answer.error}`);
    return answer.result;
  }

  /** The next line that it says. */
  async line(): Promise<string> {
    const [line] = (await Promise.race([once(this.#lines, 'line'), this.#ended])) as [string?];
    if (line === undefined) {
      const how = this.#process.signalCode ?? `status ${this.#process.exitCode}`;
      throw new Error(`${this.path} ended (${how}):\n${this.#errors.slice(-2000)}`);
    }
    return line;
  }

  /** Ends its input, and waits until it has ended. */
  async end(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    this.#process.stdin?.end();
    await this.#ended;
  }
}
