/** A web site of somebody else's, at an origin of its own, whose pages embed rooms. */
import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import { PORTS } from './ports.ts';

export class Host {
  private constructor(
    readonly origin: string,
    private readonly http: HttpServer,
  ) {}

  /** @param pages what is at each path, as the body of a page */
  static async open(which: 0 | 1, pages: (origin: string) => Record<string, string>): Promise<Host> {
    const port = PORTS.hosts[which];
    const origin = `http://127.0.0.1:${port}`;
    const bodies = pages(origin);
    const http = createServer((request, response) => {
      const body = bodies[new URL(request.url ?? '/', origin).pathname];
      response.writeHead(body === undefined ? 404 : 200, { 'Content-Type': 'text/html; charset=utf-8' });
      response.end(`<!doctype html><html lang="en"><title>A page of somebody</title>${body ?? ''}</html>`);
    });
    http.listen(port, '127.0.0.1');
    await once(http, 'listening');
    return new Host(origin, http);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }
}
