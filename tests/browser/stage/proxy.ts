/** A TCP proxy before a server's HTTP port, so that a test can drop signalling while media, over UDP, goes on. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
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

/** A UDP proxy before a server's media port. When it `moves`, the server sees all of its clients come from other addresses. */
export class MediaProxy {
  #ways = new Map<string, UdpSocket>();
  /** Packets that came from the server since the last move. */
  answered = 0;

  private constructor(private readonly socket: UdpSocket) {}

  static async before(server: number): Promise<MediaProxy> {
    const socket = createSocket('udp4');
    const proxy = new MediaProxy(socket);
    socket.on('message', (packet, from) => proxy.#wayOf(from).send(packet, server, '127.0.0.1'));
    socket.bind(PORTS.mediaProxy, '127.0.0.1');
    await once(socket, 'listening');
    return proxy;
  }

  moves(): void {
    this.answered = 0;
    for (const way of this.#ways.values()) way.close();
    this.#ways.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.moves();
    this.socket.close();
    await once(this.socket, 'close');
  }

  #wayOf({ address, port }: RemoteInfo): UdpSocket {
    const known = this.#ways.get(`${address}:${port}`);
    if (known) return known;
    const way = createSocket('udp4');
    way.on('message', (packet) => {
      this.answered += 1;
      this.socket.send(packet, port, address);
    });
    this.#ways.set(`${address}:${port}`, way);
    return way;
  }
}
