/**
 * Starts and ends the media servers under test: ours by its command, and the real livekit-server, kept on loopback. Knows
 * processes and ports, nothing of calls.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AccessToken, type VideoGrant } from 'livekit-server-sdk';
import { PORTS } from './ports.ts';

const CHECKOUT = resolve(import.meta.dirname, '../../..');
const LIVEKIT = process.env['TEST_LIVEKIT_SERVER'] ?? join(homedir(), '.cache/visavis/livekit-server-1.13.5');
const VISAVIS = process.env['TEST_VISAVIS'] ?? join(CHECKOUT, '.venv/bin/visavis');

/** The folder that gets the servers' full logs, for the search after a failure. */
const LOGS = process.env['TEST_LOGS'];

/** Both servers' development key; tokens made with it are good at either. */
const KEY = 'devkey';
const SECRET = 'secret';

export type ServerName = 'visavis' | 'livekit-server';

interface Launch {
  command: string;
  args: string[];
  http: number;
}

/** A running server. `kill` and `start` again model a crash. */
export class Server {
  readonly http: string;
  readonly ws: string;
  #process: ChildProcess | undefined;
  #log = '';

  private constructor(
    readonly name: ServerName,
    private readonly launch: Launch,
    private readonly folder: string,
  ) {
    this.http = `http://127.0.0.1:${launch.http}`;
    this.ws = `ws://127.0.0.1:${launch.http}`;
  }

  /** Starts it; `flags` are more of our own command's, or where livekit-server posts its webhooks. */
  static async start(name: ServerName, flags: string[] = []): Promise<Server> {
    const folder = await mkdtemp(join(tmpdir(), 'visavis-browser-'));
    const server = new Server(name, name === 'visavis' ? visavis(flags) : await livekit(folder, flags), folder);
    try {
      await server.start();
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  async start(): Promise<void> {
    if (!existsSync(this.launch.command)) {
      const make = this.name === 'visavis' ? 'make' : 'make livekit-server';
      throw new Error(`there is no ${this.launch.command}: run \`${make}\``);
    }
    if (await this.#replies()) throw new Error(`another server already answers at ${this.http}; end it first`);
    const child = spawn(this.launch.command, this.launch.args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: this.folder });
    this.#process = child;
    // A run that fails half-way must not leave servers behind for the next.
    process.once('exit', () => child.kill('SIGKILL'));
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text) => {
        this.#log += String(text);
        if (LOGS !== undefined) appendFileSync(join(LOGS, `${this.name}.log`), String(text));
      });
    }
    await this.#answers();
  }

  /** Asks the server to end, as Ctrl-C does, and waits for it; answers the exit status. */
  async stop(): Promise<number | null> {
    return this.#end('SIGINT');
  }

  /** Ends the server at once, as a crash does. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }

  log(): string {
    return this.#log;
  }

  token(identity: string, room: string, grant: VideoGrant = {}): Promise<string> {
    const token = new AccessToken(KEY, SECRET, { identity, name: identity, ttl: 600 });
    token.addGrant({ room, roomJoin: true, canPublish: true, canSubscribe: true, canPublishData: true, ...grant });
    return token.toJwt();
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const exit = once(child, 'exit');
    child.kill(signal);
    const [status] = (await exit) as [number | null];
    return status;
  }

  #replies(): Promise<boolean> {
    return fetch(this.http, { method: 'HEAD' }).then(
      (answer) => answer.status < 500,
      () => false,
    );
  }

  async #answers(): Promise<void> {
    const deadline = Date.now() + 20_000;
    for (;;) {
      if (await this.#replies()) return;
      if (this.#process?.exitCode !== null || Date.now() > deadline) {
        throw new Error(`${this.name} does not answer at ${this.http}:\n${this.#log.slice(-4000)}`);
      }
      await sleep(50);
    }
  }
}

/** Why a server's tests are left out, or false. In the shape that `node:test` takes as `skip`. */
export function leftOut(name: ServerName): string | false {
  const wanted = process.env['TEST_SERVERS'];
  return wanted !== undefined && !wanted.split(',').includes(name) && `TEST_SERVERS is ${wanted}`;
}

const isQuick = process.env['TEST_ALL'] === undefined;
const LATER = 'make conformance runs it';

/** As `leftOut`, for tests that take their time: at livekit-server they run in `make conformance` alone. */
export function leftOutUnlessAll(name: ServerName): string | false {
  return leftOut(name) || (isQuick && name === 'livekit-server' && LATER);
}

/** As `leftOut`, for slow tests, which run in `make conformance` alone. */
export function leftOutAsSlow(name: ServerName): string | false {
  return leftOut(name) || (isQuick && LATER);
}

function visavis(flags: string[]): Launch {
  const { http, tcp, udp } = PORTS.visavis;
  const args = ['dev', '--port', String(http), '--tcp-port', String(tcp), '--udp-port', String(udp)];
  args.push('--log-level', LOGS === undefined ? 'info' : 'debug', ...flags);
  return { command: VISAVIS, args, http };
}

async function livekit(folder: string, webhooks: string[]): Promise<Launch> {
  const { http, tcp, udp } = PORTS.livekit;
  const config = {
    port: http,
    bind_addresses: ['127.0.0.1'],
    webhook: { api_key: KEY, urls: webhooks },
    rtc: {
      udp_port: udp,
      tcp_port: tcp,
      node_ip: '127.0.0.1',
      use_external_ip: false,
      enable_loopback_candidate: true,
      interfaces: { includes: ['lo'] },
      ips: { includes: ['127.0.0.1/32'] },
      // Nothing listens there: without an entry the server would ask public STUN servers.
      stun_servers: ['127.0.0.1:3478'],
    },
  };
  const path = join(folder, 'livekit.yaml');
  await writeFile(path, JSON.stringify(config));
  return { command: LIVEKIT, args: ['--dev', '--node-ip', '127.0.0.1', '--config', path], http };
}
