/** Builds what runs inside pages and serves the harness page, from memory. */
import { createServer, type Server } from 'node:http';
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { PORTS } from './ports.ts';

const PAGE = resolve(import.meta.dirname, '../page');
const PACKAGES = resolve(import.meta.dirname, '../node_modules');
/** What packages bring for pages, as it comes. */
const WORKER = join(PACKAGES, 'livekit-client/dist/livekit-client.e2ee.worker.js');
const STYLES = join(PACKAGES, '@livekit/components-styles/dist/general/index.css');

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(PAGE, entry)],
    bundle: true,
    format: 'iife',
    jsx: 'automatic',
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

/** Serves the harness page, and that of the components, until closed. */
export class HarnessSite {
  static readonly url = `http://127.0.0.1:${PORTS.harness}/`;
  readonly url = HarnessSite.url;
  private constructor(private readonly server: Server) {}

  static async open(): Promise<HarnessSite> {
    const page = (name: string) => readFile(join(PAGE, name), 'utf8');
    const [harness, components, ...texts] = await Promise.all([
      page('harness.html'),
      page('components.html'),
      bundle('harness.ts'),
      bundle('components.tsx'),
      readFile(WORKER, 'utf8'),
      readFile(STYLES, 'utf8'),
    ]);
    const files = new Map(
      ['harness.js', 'components.js', 'e2ee-worker.js', 'components.css'].map((name, i) => [`/${name}`, texts[i]]),
    );
    const server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? '/', HarnessSite.url);
      const text = files.get(pathname);
      const kind = text === undefined ? 'html' : pathname.endsWith('.css') ? 'css' : 'javascript';
      response.setHeader('content-type', `text/${kind}; charset=utf-8`);
      response.end(text ?? (pathname === '/components' ? components : harness));
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
