/** Many participants on the PyPI `livekit` client, in one process of its own: `crowd.py`, which does what it is told line by line. */
import { join } from 'node:path';
import { Script } from './script.ts';
import type { Server } from './servers.ts';

/** So many of a crowd speak; the others are muted, as in most calls of many. */
const SPEAKING = 3;

export class Crowd implements AsyncDisposable {
  #script: Script;
  #names: string[] = [];
  #count = 0;

  constructor(
    private readonly server: Server,
    private readonly room: string,
  ) {
    this.#script = new Script(join(import.meta.dirname, '../crowd.py'), [server.ws]);
  }

  /** Has so many more join, each with a name of their own. */
  async join(count: number): Promise<void> {
    const names = Array.from({ length: count }, () => `Person ${String(++this.#count).padStart(2, '0')}`);
    const tokens = await Promise.all(names.map(async (name) => [name, await this.server.token(name, this.room)]));
    const speaking = names.slice(0, Math.max(0, SPEAKING - this.#names.length));
    await this.#script.do('join', { tokens: Object.fromEntries(tokens), speaking });
    this.#names.push(...names);
  }

  /** Has those leave who came first. */
  async leave(count: number): Promise<void> {
    await this.#script.do('leave', { names: this.#names.splice(0, count) });
  }

  get size(): number {
    return this.#names.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#script.end();
  }
}
