// Tries one way of connecting by itself: an empty publisher by WHIP (RFC 9725), so that it needs no WebSocket, whose other
// candidates are dropped. Nothing is sent but what connecting needs.
import { onlyOver, targetsOf, type Target } from './candidates';
import { httpOf, type Session } from './session';
import { patiently } from './waiting';

export type Way = { over: 'udp' | 'tcp' } | { over: 'turn'; server: RTCIceServer };

export type ProbeResult =
  /** `roundTrip` in ms, where the browser tells it; `took` until it was connected. */
  | { status: 'connected'; roundTrip: number | null; took: number; targets: readonly Target[] }
  /** The server offers no such way. */
  | { status: 'not-offered' }
  /** The request itself failed; null: no answer. */
  | { status: 'refused'; code: number | null }
  /**
   * `reached`: what was still right. `gathered`: whether the browser had an address of its own for it. With TURN, `code` is the
   * last error that the browser tells of it (RFC 8656, section 19; 701: not reached).
   */
  | {
      status: 'unconnected';
      reached: 'nothing' | 'ice';
      gathered: boolean;
      code: number | null;
      targets: readonly Target[];
    };

export interface Hooks {
  /** Called once with the TURN servers that the answer tells; null if there is no answer. */
  answered: (iceServers: RTCIceServer[] | null) => void;
  /** The session is kept so long: TURN's passwords are good while their participant is there. */
  until: Promise<unknown>;
}

const WITHIN = 8_000;

export async function probe(
  session: Session,
  token: string,
  way: Way,
  signal: AbortSignal,
  { answered, until }: Hooks = { answered: () => undefined, until: Promise.resolve() },
): Promise<ProbeResult> {
  const connection = new RTCPeerConnection(
    way.over === 'turn' ? { iceServers: [way.server], iceTransportPolicy: 'relay' } : {},
  );
  let resource: string | null = null;
  const authorization = { Authorization: `Bearer ${token}` };
  try {
    const progress = watch(connection);
    connection.addTransceiver('audio', { direction: 'sendonly' });
    await connection.setLocalDescription();
    const endpoint = `${httpOf(session.url)}/whip/v1`;
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: { ...authorization, 'Content-Type': 'application/sdp' },
      body: connection.localDescription?.sdp ?? '',
      signal: patiently(signal),
    }).catch(() => null);
    signal.throwIfAborted();
    if (response?.status !== 201) return { status: 'refused', code: response?.status ?? null };
    const location = response.headers.get('Location');
    // By the sid alone: behind a proxy the path may have another prefix than the server knows.
    resource = location === null ? null : `${endpoint}/${location.slice(location.lastIndexOf('/') + 1)}`;
    answered(iceServersOf(response.headers.get('Link') ?? ''));
    const protocol = way.over === 'tcp' ? 'tcp' : 'udp';
    const sdp = onlyOver(protocol, await response.text());
    const targets = targetsOf(sdp);
    if (targets.length === 0) return { status: 'not-offered' };
    const start = performance.now();
    await connection.setRemoteDescription({ type: 'answer', sdp });
    if (await progress.connected(WITHIN, signal)) {
      const took = performance.now() - start;
      return { status: 'connected', roundTrip: await roundTripOf(connection, signal), took, targets };
    }
    return { status: 'unconnected', ...progress.seen(), targets };
  } finally {
    answered(null);
    void until.then(() => {
      connection.close();
      if (resource === null) return;
      // Without it the server notices by itself, only later.
      void fetch(resource, { method: 'DELETE', headers: authorization, keepalive: true }).catch(() => undefined);
    });
  }
}

/** Follows how far a connection comes. */
function watch(connection: RTCPeerConnection) {
  let reached: 'nothing' | 'ice' = 'nothing';
  let gathered = false;
  let code: number | null = null;
  connection.addEventListener('icecandidate', ({ candidate }) => {
    if (candidate?.candidate) gathered = true;
  });
  connection.addEventListener('icecandidateerror', (event) => (code = event.errorCode));
  connection.addEventListener('iceconnectionstatechange', () => {
    if (['connected', 'completed'].includes(connection.iceConnectionState)) reached = 'ice';
  });
  return {
    seen: () => ({ reached, gathered, code }),
    connected: (within: number, signal: AbortSignal) =>
      new Promise<boolean>((resolve, reject) => {
        const timer = setTimeout(() => resolve(false), within);
        const look = () => {
          if (connection.connectionState !== 'connected' && connection.connectionState !== 'failed') return;
          clearTimeout(timer);
          resolve(connection.connectionState === 'connected');
        };
        connection.addEventListener('connectionstatechange', look);
        look();
        signal.addEventListener('abort', () => {
          clearTimeout(timer);
          reject(signal.reason as Error);
        });
      }),
  };
}

/** What the pair in use tells; browsers tell it a moment after the first check. */
async function roundTripOf(connection: RTCPeerConnection, signal: AbortSignal): Promise<number | null> {
  for (let look = 0; look < 8; look++) {
    for (const entry of (await connection.getStats()).values() as Iterable<RTCIceCandidatePairStats>) {
      const { type, state, nominated, currentRoundTripTime } = entry;
      if (type !== 'candidate-pair' || state !== 'succeeded' || !nominated) continue;
      if (currentRoundTripTime !== undefined && currentRoundTripTime > 0) return currentRoundTripTime * 1000;
    }
    await new Promise((resolve) => setTimeout(resolve, 150));
    signal.throwIfAborted();
  }
  return null;
}

/** WHIP's `Link` headers (RFC 9725, section 4.4), which browsers join by commas. */
export function iceServersOf(link: string): RTCIceServer[] {
  const servers: RTCIceServer[] = [];
  for (const [, urls = '', parameters = ''] of link.matchAll(/<([^>]*)>([^<]*)/g)) {
    if (!/rel="?ice-server"?/.test(parameters)) continue;
    const [, username = ''] = /username="([^"]*)"/.exec(parameters) ?? [];
    const [, credential = ''] = /credential="([^"]*)"/.exec(parameters) ?? [];
    servers.push({ urls, username, credential });
  }
  return servers;
}
