// Tries the signalling's WebSocket until its first message, and asks over plain HTTP what is in the way if there is none.
import { httpOf } from './session';
import { patiently } from './waiting';

export type SocketResult =
  | { status: 'told'; ms: number }
  /** It opened, and nothing came. */
  | { status: 'silent' }
  /** It did not open. `validate` is the HTTP status of the same question without a WebSocket; null: no answer. */
  | { status: 'closed'; validate: number | null; text: string };

const WITHIN = 7_000;

export async function trySocket(url: string, token: string, signal: AbortSignal): Promise<SocketResult> {
  const query = new URLSearchParams({ access_token: token, auto_subscribe: '0', protocol: '16', sdk: 'js' });
  const result = await open(`${url}/rtc?${query}`, signal);
  if (result !== 'closed') return result;
  return { status: 'closed', ...(await validate(`${httpOf(url)}/rtc/validate?${query}`, signal)) };
}

function open(address: string, signal: AbortSignal): Promise<SocketResult | 'closed'> {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    let socket: WebSocket;
    try {
      socket = new WebSocket(address);
    } catch {
      resolve('closed'); // A page on https may not open ws:.
      return;
    }
    let opened = false;
    const end = (result: SocketResult | 'closed') => {
      clearTimeout(timer);
      socket.close();
      resolve(result);
    };
    const timer = setTimeout(() => end(opened ? { status: 'silent' } : 'closed'), WITHIN);
    socket.onopen = () => (opened = true);
    socket.onmessage = () => end({ status: 'told', ms: performance.now() - start });
    socket.onclose = () => end(opened ? { status: 'silent' } : 'closed');
    signal.addEventListener('abort', () => {
      end('closed');
      reject(signal.reason as Error);
    });
  });
}

async function validate(address: string, signal: AbortSignal): Promise<{ validate: number | null; text: string }> {
  try {
    const response = await fetch(address, { cache: 'no-store', signal: patiently(signal) });
    return { validate: response.status, text: (await response.text()).slice(0, 200) };
  } catch {
    signal.throwIfAborted();
    return { validate: null, text: '' };
  }
}
