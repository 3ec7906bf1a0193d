// The SignalR hub: tells when rooms change. Comes back by itself for as long as the page is open. Its library is fetched when the page
// is drawn, and asks the server then.
import type { HubConnection, IRetryPolicy } from '@microsoft/signalr';

export interface HubEvents {
  roomsUpdated(): void;
  /** Connected, at first or again: what was missed has to be fetched. */
  connected(): void;
  lost(): void;
}

const LONGEST_WAIT = 5_000;

/** 0.3 s, doubling up to 5 s, and up to a third more at random so that pages do not come back all at once. */
export function retryDelay(previousRetries: number, random: () => number = Math.random): number {
  const wait = Math.min(LONGEST_WAIT, 300 * 2 ** Math.min(previousRetries, 10));
  return wait + (wait / 3) * random();
}

const FOREVER: IRetryPolicy = {
  nextRetryDelayInMilliseconds: ({ previousRetryCount }) => retryDelay(previousRetryCount),
};

/** Follows the hub until the returned function is called. */
export function followHub(events: HubEvents, base: string = document.baseURI): () => void {
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let hub: HubConnection | undefined;
  start(0);
  return () => {
    stopped = true;
    clearTimeout(timer);
    void hub?.stop();
  };

  function start(attempt: number): void {
    if (stopped) return;
    timer = setTimeout(() => void connect(attempt), attempt === 0 ? 0 : retryDelay(attempt - 1));
  }

  async function connect(attempt: number): Promise<void> {
    try {
      hub ??= await build();
      await hub.start();
      events.connected();
    } catch {
      events.lost();
      start(attempt + 1);
    }
  }

  async function build(): Promise<HubConnection> {
    const { HubConnectionBuilder, LogLevel } = await import('@microsoft/signalr');
    const made = new HubConnectionBuilder()
      .withUrl(new URL('notificationHub', base).href)
      .withAutomaticReconnect(FOREVER)
      .configureLogging(LogLevel.None)
      .build();
    made.on('RoomsUpdated', (flag: unknown) => {
      if (flag) events.roomsUpdated();
    });
    made.onreconnecting(() => events.lost());
    made.onreconnected(() => events.connected());
    // The library retries a connection that it once had, but not the first start, nor one that the server closed for good.
    made.onclose(() => start(1));
    return made;
  }
}
