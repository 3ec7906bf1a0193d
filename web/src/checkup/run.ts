// One test after the other, as a state that a page draws: what each step came to, and what can be done now. Knows no component.
import { Store } from '../state/store';
import { measureBandwidth, type Bandwidth } from './bandwidth';
import { servedAt, toldOf } from './carrier';
import {
  judgeApi,
  judgeBandwidth,
  judgeHear,
  judgePath,
  judgePublish,
  judgeSecure,
  judgeSocket,
  judgeTurn,
  type Here,
  type TurnTry,
} from './judge';
import type { Pair } from './pair';
import { probe, type ProbeResult } from './probe';
import { publishBoth, type Sources } from './publishing';
import { beginSession, type Session } from './session';
import { trySocket } from './socket';
import { failed, NOTHING_YET, skipped, STEPS, type Outcome, type Outcomes, type StepId } from './steps';
import { WAYS } from './verdict';

export type Phase =
  | 'idle'
  | 'running'
  /** All that needs no person is done. */
  | 'finished';

/** A server of several addresses has more URLs than are worth trying. */
const MOST_TURN_SERVERS = 3;
/** A test that was begun longer ago than leaves this much, ms, is begun anew when the person goes on. */
const NEEDED = 60_000;

export class Checkup {
  readonly phase = new Store<Phase>('idle');
  readonly outcomes = new Store<Outcomes>(NOTHING_YET);
  /** While bandwidth is measured. */
  readonly soFar = new Store<Bandwidth | null>(null);
  /** Whose sound comes back now; null while none does. */
  readonly hearing = new Store<Sources | null>(null);
  /** 0 to 100, while sound comes back. */
  readonly level = new Store(0);
  readonly #here: Here;
  #abort = new AbortController();
  #session: Session | null = null;
  #pair: Pair | null = null;

  constructor(here: Here) {
    this.#here = here;
  }

  /** Everything that needs no person, from the beginning. */
  async start(): Promise<void> {
    this.phase.set('running');
    await this.#clear();
    const abort = (this.#abort = new AbortController());
    this.outcomes.set(NOTHING_YET);
    await this.#run(abort, async (signal) => {
      this.#set('secure', judgeSecure(this.#here));
      const session = await this.#begin(signal);
      if (!session) {
        for (const step of STEPS.slice(2)) this.#set(step, skipped('skipped.api'));
        return;
      }
      await Promise.all([this.#socket(session, signal), this.#ways(session, signal)]);
      const reason = this.#reasonAgainstMedia();
      if (reason) {
        for (const step of ['bandwidth', 'publish', 'hear'] as const) this.#set(step, reason);
        return;
      }
      await this.#bandwidth(signal);
      this.#set('publish', { status: 'ready' });
      this.#set('hear', { status: 'ready' });
    });
  }

  /** Sends picture and sound, and lets the person hear what comes back. Opens devices only for `own`. */
  async send(sources: Sources): Promise<void> {
    const abort = (this.#abort = new AbortController());
    this.#set('hear', { status: 'waiting' });
    await this.#run(abort, async (signal) => {
      const pair = await this.#connected('publish', signal);
      if (!pair) {
        this.#set('hear', skipped('skipped.publish'));
        return;
      }
      this.#set('publish', { status: 'running' });
      await publishBoth(pair, sources, signal, {
        published: (published) => this.#set('publish', judgePublish(published)),
        hearing: (from) => {
          this.#set('hear', { status: 'running' });
          this.hearing.set(from);
        },
        level: (level) => this.level.set(level),
        heard: (loudest, isOwn) => {
          this.hearing.set(null);
          this.#set('hear', judgeHear(loudest, isOwn));
        },
      });
      if (this.outcomes.get().hear.status === 'waiting') this.#set('hear', skipped('skipped.publish'));
    });
  }

  /** Ends what runs; what has not come to an end is left out. */
  stop(): void {
    this.#abort.abort(new DOMException('the test was stopped', 'AbortError'));
  }

  /** Leaves the server, for good. */
  async close(): Promise<void> {
    this.stop();
    await this.#clear();
  }

  async #run(abort: AbortController, steps: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.phase.set('running');
    try {
      await steps(abort.signal);
    } catch (error) {
      if (!abort.signal.aborted) throw error;
      for (const step of STEPS) {
        const { status } = this.outcomes.get()[step];
        if (status === 'waiting' || status === 'running') this.#set(step, skipped('skipped.aborted'));
      }
    } finally {
      this.soFar.set(null);
      this.hearing.set(null);
      this.phase.set('finished');
      // Nobody stays in the room while the person reads.
      await this.#closePair();
    }
  }

  async #begin(signal: AbortSignal): Promise<Session | null> {
    this.#set('api', { status: 'running' });
    const begun = await beginSession(signal);
    this.#set('api', judgeApi(begun, this.#here));
    return (this.#session = begun.status === 'begun' ? begun.session : null);
  }

  async #socket(session: Session, signal: AbortSignal): Promise<void> {
    this.#set('websocket', { status: 'running' });
    const result = await trySocket(session.url, session.probes[0] ?? '', signal);
    this.#set('websocket', judgeSocket(result, session.url, this.#here));
  }

  /** UDP, TCP and each TURN server, all at once: each is a connection of its own. */
  async #ways(session: Session, signal: AbortSignal): Promise<void> {
    const [, udp = '', tcp = '', ...relays] = session.probes;
    for (const way of WAYS) this.#set(way, { status: 'running' });
    let answered: (iceServers: RTCIceServer[] | null) => void = () => undefined;
    const answer = new Promise<RTCIceServer[] | null>((resolve) => (answered = resolve));
    const at = servedAt(session, this.#here);
    const tried = (protocol: 'udp' | 'tcp', result: ProbeResult) =>
      this.#set(protocol, judgePath(protocol, result, at));
    const turn = async (told: RTCIceServer[] | null): Promise<TurnTry[]> => {
      signal.throwIfAborted();
      if (told === null) return [{ url: '', result: await overUdp }];
      const servers = told.filter((server) => /^turns?:/.test(urlOf(server))).slice(0, MOST_TURN_SERVERS);
      return Promise.all(
        servers.map(async (server, index) => ({
          url: urlOf(server),
          result: await probe(session, relays[index] ?? '', { over: 'turn', server }, signal),
        })),
      );
    };
    const tries = answer.then(turn);
    const until = tries.catch(() => undefined);
    // The one whose answer tells where TURN is.
    const overUdp = probe(session, udp, { over: 'udp' }, signal, { answered, until });
    await Promise.all([
      overUdp.then((result) => tried('udp', result)),
      probe(session, tcp, { over: 'tcp' }, signal).then((result) => tried('tcp', result)),
      tries.then((all) => this.#set('turn', judgeTurn(all, at))),
    ]);
  }

  async #bandwidth(signal: AbortSignal): Promise<void> {
    const pair = await this.#connected('bandwidth', signal);
    if (!pair) return;
    this.#set('bandwidth', { status: 'running' });
    const measured = await measureBandwidth(pair, signal, (now) => this.soFar.set(now));
    this.soFar.set(null);
    this.#set('bandwidth', judgeBandwidth(measured));
  }

  /** Both participants, in the room. Says of the step why not if that fails. */
  async #connected(step: StepId, signal: AbortSignal): Promise<Pair | null> {
    if (this.#pair?.isConnected) return this.#pair;
    this.#set(step, { status: 'running' });
    if (!this.#session || this.#session.until - performance.now() < NEEDED) {
      const begun = await beginSession(signal);
      if (begun.status !== 'begun') {
        this.#set(step, judgeApi(begun, this.#here));
        return null;
      }
      this.#session = begun.session;
    }
    const { Pair } = await import('./pair');
    signal.throwIfAborted();
    const pair = (this.#pair = new Pair());
    const stop = () => void pair.close();
    signal.addEventListener('abort', stop);
    try {
      await pair.connect(this.#session);
      return pair;
    } catch (error) {
      signal.throwIfAborted();
      this.#set(step, failed('connect', { message: error instanceof Error ? error.message : String(error) }));
      return null;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  #reasonAgainstMedia(): Outcome | null {
    const outcomes = this.outcomes.get();
    if (outcomes.websocket.status === 'failed') return skipped('skipped.websocket');
    return WAYS.some((way) => outcomes[way].status === 'passed') ? null : skipped('skipped.way');
  }

  #set(step: StepId, outcome: Outcome): void {
    const told = toldOf(this.#session?.backend ?? 'embedded', outcome);
    this.outcomes.set({ ...this.outcomes.get(), [step]: told });
  }

  async #clear(): Promise<void> {
    this.#session = null;
    await this.#closePair();
  }

  async #closePair(): Promise<void> {
    const pair = this.#pair;
    this.#pair = null;
    await pair?.close();
  }
}

function urlOf({ urls }: RTCIceServer): string {
  return [urls].flat()[0] ?? '';
}
