/** Proxies before a server: one that drops signalling while media, over UDP, goes on; one for media; one with faults. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer as createHttpServer, request, type Server as HttpServer } from 'node:http';
import { PORTS } from './ports.ts';

export class SignallingProxy {
  readonly ws = `ws://127.0.0.1:${PORTS.proxy}`;
  readonly http = `http://127.0.0.1:${PORTS.proxy}`;
  #open = new Set<Socket>();
  #accepts = true;

  private constructor(private readonly server: Server) {}

  static async before(port: number): Promise<SignallingProxy> {
    const server = createServer();
    const proxy = new SignallingProxy(server);
    server.on('connection', (near) => proxy.#join(near, port));
    server.listen(PORTS.proxy, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  /** Resets every connection that is open; new ones pass. */
  drop(): void {
    for (const socket of this.#open) socket.resetAndDestroy();
  }

  /** Resets every connection, and every new one until `mend`. */
  cut(): void {
    this.#accepts = false;
    this.drop();
  }

  mend(): void {
    this.#accepts = true;
  }

  /** Lets nothing more through, and closes nothing: the far end has vanished without a word. */
  freeze(): void {
    for (const socket of this.#open) {
      socket.unpipe();
      socket.pause();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drop();
    this.server.close();
    await once(this.server, 'close');
  }

  #join(near: Socket, port: number): void {
    if (!this.#accepts) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#open.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#open.delete(from);
        to.destroy();
      });
    }
  }
}

/** How long a packet waits at most for a narrow line, ms. */
const LONGEST_QUEUE = 400;

/** A line in one direction: packets queue before it, as in a router, and are dropped when the queue is full. */
class Line {
  /** Bits a second. */
  rate = Infinity;
  /** What waits for its turn. */
  #queue: { at: number; send: () => void }[] = [];
  /** When the last that waits will have gone. */
  #busyUntil = 0;

  pass({ length }: Buffer, send: () => void): void {
    const now = performance.now();
    if (this.rate === Infinity && this.#queue.length === 0) send();
    else if (this.#busyUntil - now < LONGEST_QUEUE) {
      this.#busyUntil = Math.max(now, this.#busyUntil) + (length * 8 * 1000) / this.rate;
      this.#queue.push({ at: this.#busyUntil, send });
      if (this.#queue.length === 1) this.#wait();
    }
  }

  clear(): void {
    this.#queue = [];
  }

  /** One timer for all: of two for nearly the same time the later may fire first, and packets would change places. */
  #wait(): void {
    const [next] = this.#queue;
    if (!next) return;
    setTimeout(() => {
      while (this.#queue[0] && this.#queue[0].at <= performance.now() + 1) this.#queue.shift()?.send();
      this.#wait();
    }, next.at - performance.now());
  }
}

/**
 * A UDP proxy before a server's media port. When it `moves`, the server sees all of its clients come from other addresses; `narrows`
 * makes it a network in which little gets through.
 */
export class MediaProxy {
  #ways = new Map<string, UdpSocket>();
  readonly #up = new Line();
  readonly #down = new Line();
  /** Packets that came from the server since the last move. */
  answered = 0;
  /** Lets nothing through, as if the far end had died. */
  isHeld = false;

  private constructor(private readonly socket: UdpSocket) {}

  static async before(server: number): Promise<MediaProxy> {
    const socket = createSocket('udp4');
    const proxy = new MediaProxy(socket);
    socket.on('message', (packet, from) => {
      if (proxy.isHeld) return;
      const way = proxy.#wayOf(from);
      proxy.#up.pass(packet, () => way.send(packet, server, '127.0.0.1'));
    });
    socket.bind(PORTS.mediaProxy, '127.0.0.1');
    await once(socket, 'listening');
    return proxy;
  }

  /** From now on no more than so many bits a second pass, for all clients together; what is not named is not narrow. */
  narrows({ upload = Infinity, download = Infinity }: { upload?: number; download?: number }): void {
    [this.#up.rate, this.#down.rate] = [upload, download];
  }

  moves(): void {
    this.answered = 0;
    this.#up.clear();
    for (const way of this.#ways.values()) way.close();
    this.#ways.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#down.clear();
    this.moves();
    this.socket.close();
    await once(this.socket, 'close');
  }

  #wayOf({ address, port }: RemoteInfo): UdpSocket {
    const known = this.#ways.get(`${address}:${port}`);
    if (known) return known;
    const way = createSocket('udp4');
    way.on('message', (packet) => {
      if (this.isHeld) return;
      this.answered += 1;
      this.#down.pass(packet, () => this.socket.send(packet, port, address));
    });
    this.#ways.set(`${address}:${port}`, way);
    return way;
  }
}

/** What is wrong with a `FaultyProxy`, or with the network behind it. */
export interface Faults {
  /** As a proxy whose configuration says nothing of WebSockets: `Upgrade` is dropped, so the server gets a plain request. */
  dropsUpgrade?: boolean;
  /** Answers 404 itself, as a proxy that passes only some paths on. */
  withholds?: RegExp;
  /** These ports of the server are told as others: a NAT that nobody forwards. As long as they have as many digits. */
  misleads?: ReadonlyMap<number, number>;
}

/** A reverse proxy before a server's HTTP port, with faults that operators know. */
export class FaultyProxy {
  readonly http = `http://127.0.0.1:${PORTS.proxy}`;
  #open = new Set<Socket>();

  private constructor(private readonly server: HttpServer) {}

  static async before(port: number, faults: Faults): Promise<FaultyProxy> {
    const server = createHttpServer((near, answer) => {
      if (faults.withholds?.test(near.url ?? '')) {
        answer.writeHead(404).end('nothing here');
        return;
      }
      const { upgrade, connection, 'accept-encoding': encoding, ...headers } = near.headers;
      void [upgrade, connection, encoding];
      const far = request({ port, host: '127.0.0.1', path: near.url, method: near.method, headers }, (response) => {
        const { 'content-length': length, ...others } = response.headers;
        answer.writeHead(response.statusCode ?? 502, faults.misleads ? { ...others } : response.headers);
        void length;
        response.on('data', (chunk: Buffer) => answer.write(mislead(chunk, faults.misleads)));
        response.on('end', () => answer.end());
      });
      far.on('error', () => answer.destroy());
      near.pipe(far);
    });
    const proxy = new FaultyProxy(server);
    server.on('connection', (socket) => proxy.#keep(socket));
    // Without a listener Node hands upgrades to the one above, as plain requests.
    if (!faults.dropsUpgrade) {
      server.on('upgrade', (asked, near: Socket) => {
        if (faults.withholds?.test(asked.url ?? '')) {
          near.end('HTTP/1.1 404 Not Found\r\n\r\n');
          return;
        }
        const far = connect(port, '127.0.0.1');
        proxy.#keep(far);
        // Compressed, the answers could not be read.
        const { 'sec-websocket-extensions': extensions, ...headers } = asked.headers;
        void extensions;
        const lines = Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}`);
        far.write(`GET ${asked.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
        near.pipe(far);
        far.on('data', (chunk) => near.write(mislead(chunk, faults.misleads)));
        for (const [one, other] of [
          [near, far],
          [far, near],
        ] as const) {
          one.on('error', () => other.destroy());
          one.on('close', () => other.destroy());
        }
      });
    }
    server.listen(PORTS.proxy, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  #keep(socket: Socket): void {
    this.#open.add(socket);
    socket.on('close', () => this.#open.delete(socket));
  }
}

/** Bytes with other numbers of ports in them; of the same length, so that no frame changes its own. */
function mislead(chunk: Buffer, ports: Faults['misleads']): Buffer {
  if (!ports) return chunk;
  let text = chunk.toString('latin1');
  for (const [from, to] of ports) text = text.replaceAll(String(from), String(to));
  return Buffer.from(text, 'latin1');
}

/** Something that takes packets or connections and never answers, as a firewall does. */
export class Silence {
  private constructor(private readonly socket: UdpSocket) {}

  static async at(port: number): Promise<Silence> {
    const socket = createSocket('udp4');
    socket.bind(port, '0.0.0.0');
    await once(socket, 'listening');
    return new Silence(socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.close();
    await once(this.socket, 'close');
  }
}
