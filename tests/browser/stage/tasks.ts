/**
 * What the main thread of a page does, task by task, from a trace of the browser. Tasks are told by the processor time that they took, not
 * by how long they lasted: on a machine that does other things, too, a task lasts as long as those let it.
 */
import type { Page } from 'puppeteer-core';

export interface Task {
  /** Since the trace began, ms. */
  at: number;
  /** Processor time, ms. */
  cpu: number;
  /** Processor time of what it waits for, ms: WebRTC's signaling thread while it lasted, and what others did for that. */
  waited: number;
  /** How long it lasted, ms. */
  wall: number;
  /** What went on in it, the longest first, with its processor time in ms. */
  parts: { name: string; cpu: number }[];
}

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  tdur?: number;
  args: { name?: string; data?: { functionName?: string; url?: string; lineNumber?: number; type?: string } };
}

const CATEGORIES = ['toplevel', 'devtools.timeline', 'disabled-by-default-devtools.timeline', 'v8'];

/** The tasks of a page's main thread while something happens, the most expensive first. */
export async function tasksOf(page: Page, during: () => Promise<void>): Promise<Task[]> {
  await page.tracing.start({ categories: CATEGORIES });
  await during();
  const trace = await page.tracing.stop();
  if (!trace) throw new Error('the browser gave no trace');
  const { traceEvents } = JSON.parse(new TextDecoder().decode(trace)) as { traceEvents: TraceEvent[] };
  return readTasks(traceEvents);
}

function readTasks(events: TraceEvent[]): Task[] {
  // There may be other renderers, for instance a spare one: the page's is the busiest.
  const mains = events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const byThread = mains.map(({ pid, tid }) => events.filter((event) => event.pid === pid && event.tid === tid));
  const cost = (those: TraceEvent[]) => those.filter(isTask).reduce((sum, { tdur = 0 }) => sum + tdur, 0);
  const busiest = byThread.sort((a, b) => cost(b) - cost(a))[0] ?? [];
  const [{ pid: page } = { pid: -1 }] = busiest;
  const tasksOn = (prefix: string) =>
    events
      .filter(({ name, pid, args }) => name === 'thread_name' && pid === page && args.name?.startsWith(prefix))
      .flatMap(({ tid }) => outermost(events.filter((event) => event.pid === page && event.tid === tid)));
  // The page waits for the one, which waits for the other; that also carries the media meanwhile, which nobody waits for.
  const signaling = tasksOn('WebRTC_Signaling');
  const forIt = tasksOn('WebRTC_W').filter((task) => signaling.some(({ ts, dur = 0 }) => lies(task, ts, ts + dur)));
  const waitedFor = [...signaling, ...forIt];
  const complete = busiest.filter(({ ph }) => ph === 'X').sort((a, b) => a.ts - b.ts);
  const began = Math.min(...complete.map(({ ts }) => ts));
  const outer = new Set(outermost(busiest));
  const tasks: Task[] = [];
  let open: { task: Task; until: number } | null = null;
  for (const event of complete) {
    const [cpu, wall] = [(event.tdur ?? 0) / 1000, (event.dur ?? 0) / 1000];
    if (isTask(event)) {
      if (!outer.has(event)) continue;
      const until = event.ts + (event.dur ?? 0);
      const waited = wall < 10 ? 0 : within(waitedFor, event.ts, until) / 1000;
      const task = { at: (event.ts - began) / 1000, cpu, waited, wall, parts: [] };
      tasks.push(task);
      open = { task, until };
    } else if (open && event.ts < open.until && cpu >= 1) {
      open.task.parts.push({ name: nameOf(event), cpu });
    }
  }
  for (const task of tasks) task.parts.sort((a, b) => b.cpu - a.cpu);
  return tasks.sort((a, b) => costOf(b) - costOf(a));
}

/** How long a task keeps the page from answering on a machine that has nothing else to do, ms. */
export function costOf(task: Task | undefined): number {
  return task ? task.cpu + task.waited : Infinity;
}

function within(tasks: TraceEvent[], from: number, until: number): number {
  return tasks.reduce((sum, task) => (lies(task, from, until) ? sum + (task.tdur ?? 0) : sum), 0);
}

function lies({ ts }: TraceEvent, from: number, until: number): boolean {
  return ts >= from && ts < until;
}

/** The tasks of one thread; the trace has each twice, one within the other. */
function outermost(events: TraceEvent[]): TraceEvent[] {
  let end = 0;
  return events
    .filter(isTask)
    .sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0))
    .filter(({ ts, dur = 0 }) => {
      if (ts < end) return false;
      end = ts + dur;
      return true;
    });
}

function isTask({ name, ph }: TraceEvent): boolean {
  return ph === 'X' && (name === 'RunTask' || name === 'ThreadControllerImpl::RunTask');
}

function nameOf({ name, args }: TraceEvent): string {
  const { functionName, url, lineNumber, type } = args.data ?? {};
  const file = url?.split('/').at(-1);
  return [name, type, functionName, file && `${file}:${lineNumber ?? ''}`].filter(Boolean).join(' ');
}
