/** A participant on the PyPI `livekit` client, in a process of its own: `guest.py`, which does what it is told line by line. */
import { join } from 'node:path';
import { Script } from './script.ts';
import type { Server } from './servers.ts';

export class Guest {
  private constructor(private readonly script: Script) {}

  static async join(server: Server, room: string, secret?: string): Promise<Guest> {
    const token = await server.token('guest', room, { canUpdateOwnMetadata: true });
    const encrypted = secret === undefined ? [] : [secret];
    const script = new Script(join(import.meta.dirname, '../guest.py'), [server.ws, token, ...encrypted]);
    await script.line();
    return new Guest(script);
  }

  /** Has the guest do something; answers what it answered. */
  do(what: string, parameters: Record<string, unknown> = {}): Promise<unknown> {
    return this.script.do(what, parameters);
  }

  /** Waits until the guest heard of this. */
  expect(...happened: unknown[]): Promise<unknown> {
    return this.do('expect', { happened });
  }

  /** Leaves, and waits for the end of the process. */
  leave(): Promise<void> {
    return this.script.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave();
  }
}
