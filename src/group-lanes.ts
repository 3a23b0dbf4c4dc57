import type { Clock } from './clock.ts';
import { PosternError } from './errors.ts';

/** One that waits for its group's commit. Times are unix ms. */
export type Waiting<T, R> = {
  readonly item: T;
  readonly since: number;
  readonly deadline: number;
  /** Answers it, once: what comes later is dropped. */
  settle(result: R | PosternError): void;
};

export type GroupLanesOptions<T, R> = {
  readonly clock: Clock;
  readonly deadlineMs: number;
  readonly rowsMax: number;
  readonly bytesMax: number;
  /** How long items gather behind two groups in flight before a third goes: only a stalled database takes as long. */
  readonly gatherMsMax: number;
  sizeOf(item: T): { readonly rows: number; readonly bytes: number };
  /** Makes a group durable and settles every one of it; never rejects. `lane` counts from 0. */
  run(group: readonly Waiting<T, R>[], lane: number): Promise<void>;
};

export type GroupLanes<T, R> = {
  /** Rejects with PosternError: `commit_unknown` past the deadline. */
  enqueue(item: T, since: number): Promise<R>;
  /** Unix ms since when the oldest that is not answered waits, or null. */
  waitingSince(): number | null;
  stats(): { waiting: number; inFlight: number };
  /** Runs what is queued; the caller takes nothing new from before it. */
  close(): Promise<void>;
};

const LANES = 2;
/** One lane more than usually go: see gatherMsMax. */
export const LANES_MAX = LANES + 1;

/**
 * Group commit: what arrives together becomes durable together. One alone goes at once; a group gathers only while two
 * are in flight.
 */
export function createGroupLanes<T, R>(options: GroupLanesOptions<T, R>): GroupLanes<T, R> {
  const { clock, deadlineMs, gatherMsMax, rowsMax, bytesMax } = options;
  type Queued = Waiting<T, R> & { settled: boolean };
  const queue: Queued[] = [];
  const lanes = Array.from({ length: LANES_MAX }, () => ({ busy: false }));
  const running = new Set<Promise<void>>();
  let gatherTimer: NodeJS.Timeout | undefined;
  let scheduled = false;

  function enqueue(item: T, since: number): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const deadline = since + deadlineMs;
      // The deadline is ours and not the server's: a stopped Postgres enforces nothing.
      const timer = setTimeout(
        () => waiting.settle(new PosternError('commit_unknown', 'not durable within the deadline; deliver again')),
        Math.max(0, deadline - clock.now()),
      );
      const waiting: Queued = {
        item,
        since,
        deadline,
        settled: false,
        settle(result) {
          if (waiting.settled) return;
          waiting.settled = true;
          clearTimeout(timer);
          if (result instanceof PosternError) reject(result);
          else resolve(result);
        },
      };
      queue.push(waiting);
      schedule();
    });
  }

  /** One turn of the event loop is enough for what came in the same packet burst to join. */
  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      startLanes();
    });
  }

  function startLanes(): void {
    for (const [n, lane] of lanes.entries()) {
      if (lane.busy || queue.length === 0 || (n >= LANES && !gatheredLongEnough())) continue;
      const group = takeGroup();
      if (group.length === 0) continue;
      lane.busy = true;
      const run = options.run(group, n).finally(() => {
        lane.busy = false;
        running.delete(run);
        startLanes();
      });
      running.add(run);
    }
  }

  /** True once the oldest waits too long; until then a look is due when it will. */
  function gatheredLongEnough(): boolean {
    const oldest = waitingSince();
    if (oldest === null) return false;
    const leftMs = oldest + gatherMsMax - clock.now();
    if (leftMs <= 0) return true;
    gatherTimer ??= setTimeout(() => {
      gatherTimer = undefined;
      startLanes();
    }, leftMs);
    return false;
  }

  function takeGroup(): Queued[] {
    const group: Queued[] = [];
    let rows = 0;
    let bytes = 0;
    while (queue.length > 0) {
      const next = queue[0];
      if (next === undefined) break;
      if (!next.settled) {
        const size = options.sizeOf(next.item);
        if ((rows + size.rows > rowsMax || bytes + size.bytes > bytesMax) && group.length > 0) break;
        rows += size.rows;
        bytes += size.bytes;
        group.push(next);
      }
      queue.shift();
    }
    return group;
  }

  function waitingSince(): number | null {
    return queue.find((w) => !w.settled)?.since ?? null;
  }

  return {
    enqueue,
    waitingSince,
    stats: () => ({ waiting: queue.length, inFlight: lanes.filter((l) => l.busy).length }),
    async close() {
      startLanes();
      // A lane that falls free takes the next group before its run is over, so this ends with the queue.
      while (running.size > 0) await Promise.all(running);
      clearTimeout(gatherTimer);
    },
  };
}
