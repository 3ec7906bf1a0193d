/** Builds what runs inside pages and serves the harness page, from memory. */
import { createServer, type Server } from 'node:http';
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { PORTS } from './ports.ts';

const PAGE = resolve(import.meta.dirname, '../page');
/** livekit-client's own, as it comes. */
const WORKER = resolve(import.meta.dirname, '../node_modules/livekit-client/dist/livekit-client.e2ee.worker.js');

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(PAGE, entry)],
    bundle: true,
    format: 'iife',
    target: 'es2022',
    write: false,
    logLevel: 'error',
  });
  const [file] = outputFiles;
  if (!file) throw new Error(`esbuild made nothing of ${entry}`);
  return file.text;
}

let injected: Promise<string> | undefined;

/** The script that goes into every page before its own. */
export function injectedScript(): Promise<string> {
  return (injected ??= bundle('inject.ts'));
}

/** Serves the harness page until closed. */
export class HarnessSite {
  readonly url = `http://127.0.0.1:${PORTS.harness}/`;
  private constructor(private readonly server: Server) {}

  static async open(): Promise<HarnessSite> {
    const [script, page, worker] = await Promise.all([
      bundle('harness.ts'),
      readFile(join(PAGE, 'harness.html'), 'utf8'),
      readFile(WORKER, 'utf8'),
    ]);
    const scripts = new Map([
      ['/harness.js', script],
      ['/e2ee-worker.js', worker],
    ]);
    const server = createServer((request, response) => {
      const script = scripts.get(request.url ?? '');
      response.setHeader('content-type', `text/${script === undefined ? 'html' : 'javascript'}; charset=utf-8`);
      response.end(script ?? page);
    });
    server.listen(PORTS.harness, '127.0.0.1');
    await once(server, 'listening');
    return new HarnessSite(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
