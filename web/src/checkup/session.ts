// Begins a test at the server: a room that nobody else knows, and tokens for it.
import { patiently } from './waiting';

export interface Session {
  /** Of the signalling, `ws:` or `wss:`, with the prefix that the server is under. */
  url: string;
  sender: string;
  hearer: string;
  /** Each is good for one try of one hop. */
  probes: readonly string[];
  /** When it is over, ms by `performance.now()`. */
  until: number;
  /** Who carries the media; the settings that matter are its. */
  backend: Carrier;
}

export type Carrier = 'embedded' | 'livekit';

export type Begun =
  | { status: 'begun'; session: Session; ms: number }
  /** Something answered, but not so. `message` is the server's own, for people. */
  | { status: 'answered'; code: number; message: string | null }
  | { status: 'unanswered' };

export async function beginSession(signal: AbortSignal, base: string = document.baseURI): Promise<Begun> {
  const start = performance.now();
  try {
    const response = await fetch(new URL('api/video/checkup', base), {
      method: 'POST',
      cache: 'no-store',
      signal: patiently(signal),
    });
    const ms = performance.now() - start;
    const body: unknown = await response.json().catch(() => null);
    const session = response.ok ? parseSession(body, start) : null;
    return session
      ? { status: 'begun', session, ms }
      : { status: 'answered', code: response.status, message: messageOf(body) };
  } catch {
    signal.throwIfAborted();
    return { status: 'unanswered' };
  }
}

function parseSession(body: unknown, start: number): Session | null {
  const { url, sender, hearer, probes, seconds, backend } = (body ?? {}) as Record<string, unknown>;
  const isSession =
    [url, sender, hearer].every((field) => typeof field === 'string') &&
    Array.isArray(probes) &&
    probes.every((probe) => typeof probe === 'string') &&
    typeof seconds === 'number';
  if (!isSession) return null;
  const until = start + seconds * 1000;
  return { url, sender, hearer, probes, until, backend: backend === 'livekit' ? 'livekit' : 'embedded' } as Session;
}

function messageOf(body: unknown): string | null {
  const { message } = (body ?? {}) as Record<string, unknown>;
  return typeof message === 'string' && message !== '' ? message : null;
}

/** The server's address for HTTP. */
export function httpOf(url: string): string {
  return url.replace(/^ws/, 'http');
}
