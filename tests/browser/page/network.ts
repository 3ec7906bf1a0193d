/**
 * Watches and narrows a page's peer connections: keeps a list of them, and on request lets only ICE-TCP candidates through, which
 * is what a network that blocks UDP leaves.
 */

declare global {
  interface Window {
    /** Set by a test before the page loads: neither side learns of the other's UDP candidates. */
    onlyTcp?: boolean;
    /** Set by a test before the page loads: the server's media port, and that of a proxy to use instead. */
    throughProxy?: { server: number; proxy: number };
    /** Set by a test before the page loads: WebSockets to the first address go to the second, for instance by another way. */
    detour?: { from: string; to: string };
    /** Set by a test before the page loads: only by such TURN URLs are packets sent, which a server of ours told. */
    onlyTurn?: string;
    peerConnections: RTCPeerConnection[];
    /** What comes from the network now. */
    incoming: Incoming;
  }
}

/** What a page receives: looked at again and again, it says which streams bring anything. */
class Incoming {
  #before = new Map<string, number>();
  #at = -Infinity;
  #flowing: string[] = [];

  /** The tracks of which bytes have come since the look before; looks closer than half a second are one. */
  async flowing(): Promise<string[]> {
    if (performance.now() - this.#at < 500) return this.#flowing;
    this.#at = performance.now();
    const now = new Map<string, number>();
    for (const connection of window.peerConnections) {
      for (const entry of (await connection.getStats()).values() as Iterable<Record<string, unknown>>) {
        if (entry['type'] === 'inbound-rtp') now.set(String(entry['trackIdentifier']), Number(entry['bytesReceived']));
      }
    }
    this.#flowing = [...now].filter(([id, bytes]) => bytes > (this.#before.get(id) ?? bytes)).map(([id]) => id);
    this.#before = now;
    return this.#flowing;
  }

  /** How many streams of a kind the server may send. */
  subscribed(kind: 'audio' | 'video'): number {
    return window.peerConnections
      .flatMap((connection) => connection.getTransceivers())
      .filter(({ receiver, currentDirection }) => receiver.track.kind === kind && currentDirection === 'recvonly')
      .length;
  }
}

export function watchPeerConnections(): void {
  const connections: RTCPeerConnection[] = [];
  window.peerConnections = connections;
  window.incoming = new Incoming();
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(configuration?: RTCConfiguration) {
      super(window.onlyTurn === undefined ? configuration : relayedBy(window.onlyTurn, configuration));
      connections.push(this);
    }

    // A connection that is made before the server has told its TURN is told of it so.
    override setConfiguration(configuration?: RTCConfiguration): void {
      super.setConfiguration(window.onlyTurn === undefined ? configuration : relayedBy(window.onlyTurn, configuration));
    }
  };
  if (window.detour) takeDetour(window.detour);
  if (window.onlyTcp) dropUdpCandidates();
  if (window.throughProxy) sendThroughProxy(window.throughProxy);
}

function takeDetour({ from, to }: { from: string; to: string }): void {
  window.WebSocket = class extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(String(url).replace(from, to), protocols);
    }
  };
}

/** Takes the server's UDP candidates for the proxy's, and drops the others. */
function sendThroughProxy({ server, proxy }: { server: number; proxy: number }): void {
  const native = RTCPeerConnection.prototype;
  const moved = (line: string): string =>
    line.replace(/^((?:a=)?candidate:\S+ \d+ udp \d+ )\S+ (\d+) /i, (whole, before: string, port: string) =>
      Number(port) === server ? `${before}127.0.0.1 ${proxy} ` : whole,
    );
  const isOther = (line: string) => /^(a=)?candidate:/.test(line) && !line.includes(` 127.0.0.1 ${proxy} `);
  const addIceCandidate = native.addIceCandidate as (candidate?: RTCIceCandidateInit) => Promise<void>;
  native.addIceCandidate = function (this: RTCPeerConnection, given?: RTCIceCandidateInit | null) {
    if (!given?.candidate) return addIceCandidate.call(this, given ?? undefined);
    const candidate = moved(given.candidate);
    return isOther(candidate) ? Promise.resolve() : addIceCandidate.call(this, { ...given, candidate });
  };
  const setRemoteDescription = native.setRemoteDescription as (given: RTCSessionDescriptionInit) => Promise<void>;
  native.setRemoteDescription = function (this: RTCPeerConnection, { type, sdp = '' }: RTCSessionDescriptionInit) {
    const lines = sdp.split('\r\n').map(moved);
    return setRemoteDescription.call(this, { type, sdp: lines.filter((line) => !isOther(line)).join('\r\n') });
  };
}

/** The configuration with nothing but relays, and of these only those with such URLs. */
function relayedBy(kind: string, { iceServers = [], ...rest }: RTCConfiguration = {}): RTCConfiguration {
  const only = iceServers.map((server) => ({
    ...server,
    urls: [server.urls].flat().filter((url) => matches(url, kind)),
  }));
  return { ...rest, iceServers: only.filter(({ urls }) => urls.length > 0), iceTransportPolicy: 'relay' };
}

function matches(url: string, kind: string): boolean {
  return new RegExp(kind).test(url);
}

function dropUdpCandidates(): void {
  const native = RTCPeerConnection.prototype;
  const addIceCandidate = native.addIceCandidate as (candidate?: RTCIceCandidateInit) => Promise<void>;
  native.addIceCandidate = function (this: RTCPeerConnection, candidate?: RTCIceCandidateInit | null) {
    return isUdp(candidate?.candidate) ? Promise.resolve() : addIceCandidate.call(this, candidate ?? undefined);
  };
  const setRemoteDescription = native.setRemoteDescription as (given: RTCSessionDescriptionInit) => Promise<void>;
  native.setRemoteDescription = function (this: RTCPeerConnection, description: RTCSessionDescriptionInit) {
    return setRemoteDescription.call(this, withoutUdp(description));
  };
  // A second offer carries the candidates that were gathered for the first.
  for (const name of ['createOffer', 'createAnswer'] as const) {
    const create = native[name] as (options?: RTCOfferOptions) => Promise<RTCSessionDescriptionInit>;
    native[name] = async function (this: RTCPeerConnection, options?: RTCOfferOptions) {
      return withoutUdp(await create.call(this, options));
    } as typeof native.createOffer & typeof native.createAnswer;
  }
  const local = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(native), 'localDescription');
  Object.defineProperty(native, 'localDescription', {
    get(this: RTCPeerConnection) {
      const description = local?.get?.call(this) as RTCSessionDescription | null;
      return description && new RTCSessionDescription(withoutUdp(description));
    },
  });
  const inherited = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(native), 'onicecandidate');
  Object.defineProperty(native, 'onicecandidate', {
    configurable: true,
    get: () => inherited?.get?.call(native) as unknown,
    set(this: RTCPeerConnection, listener: ((event: RTCPeerConnectionIceEvent) => void) | null) {
      const filtered =
        listener &&
        ((event: RTCPeerConnectionIceEvent) => {
          if (!isUdp(event.candidate?.candidate)) listener.call(this, event);
        });
      inherited?.set?.call(this, filtered);
    },
  });
}

function withoutUdp({ type, sdp = '' }: RTCSessionDescriptionInit): RTCSessionDescriptionInit {
  const lines = sdp.split('\r\n').filter((line) => !isUdp(line));
  return { type, sdp: lines.join('\r\n') };
}

function isUdp(candidate: string | undefined): boolean {
  return /^(a=)?candidate:\S+ \d+ udp /i.test(candidate ?? '');
}
