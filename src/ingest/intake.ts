import { hash } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import type { Clock } from '../clock.ts';
import { messageOf, PosternError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { sqlOf } from '../postgres/sql.ts';
import { uuidText, uuidv7 } from '../uuid.ts';
import type { Accepted, Delivery } from './delivery.ts';
import { type DuplicateCache, duplicateKey } from './duplicate-cache.ts';
import { createGatheredCounts } from './gathered-counts.ts';
import { commitGroup, type GroupOutcome } from './group-commit.ts';
import type { GroupRow } from './intake-store.ts';
import { addDuplicates } from './intake-store.ts';

/** What intake stands on. Times in ms. */
export type IntakeOptions = {
  readonly pool: Pool;
  readonly cache: DuplicateCache;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly ackDeadlineMs: number;
  readonly groupEventsMax?: number;
  /** How long deliveries gather behind two groups in flight before a third goes: only a stalled database takes as long. */
  readonly gatherMsMax?: number;
  /** Called after a group became durable: a worker in this process need not wait for its next poll. */
  readonly onStored?: () => void;
};

export type Intake = {
  /**
   * Durable when it resolves. Rejects with PosternError: `commit_unknown` past the deadline (it may be stored: the retry
   * is then a duplicate), `overloaded` while the database is away, `internal` for a row Postgres refuses.
   */
  accept(delivery: Delivery): Promise<Accepted>;
  /** Unix ms since when the oldest unanswered delivery waits, or null. */
  waitingSince(): number | null;
  stats(): { waiting: number; inFlight: number };
  /** Writes what is in hand; after it nothing is accepted. */
  close(): Promise<void>;
};

type Waiting = {
  readonly delivery: Delivery;
  readonly deadline: number;
  timer: NodeJS.Timeout | undefined;
  settled: boolean;
  readonly resolve: (accepted: Accepted) => void;
  readonly reject: (error: PosternError) => void;
};

const GROUP_EVENTS_MAX = 200;
const GROUP_BYTES_MAX = 4 * 1024 * 1024;
const LANES = 2;
const GATHER_MS_MAX = 200;
/** Written within 1 s of coming; as late as that allows, because in a storm each write updates a row an event. */
const DUPLICATES_EVERY_MS = 850;

/**
 * Group commit: requests that arrive together become durable in one statement. A lone request goes at once; a group
 * gathers only while two are in flight.
 */
export function createIntake(options: IntakeOptions): Intake {
  const { pool, cache, clock, log, metrics } = options;
  const groupEventsMax = options.groupEventsMax ?? GROUP_EVENTS_MAX;
  const queue: Waiting[] = [];
  /** Bodies on their way to the commit: a copy that arrives meanwhile waits for that commit. */
  const committing = new Map<string, Promise<readonly string[] | undefined>>();
  const gatherMsMax = options.gatherMsMax ?? GATHER_MS_MAX;
  // One lane more than usually go: see gatherMsMax.
  const lanes = Array.from({ length: LANES + 1 }, () => ({ writer: uuidv7(clock.now()), busy: false }));
  const duplicatesWriter = uuidv7(clock.now());
  const duplicates = createGatheredCounts<{ times: number; lastAt: number }>({
    what: 'duplicates',
    write: (counts) => addDuplicates(sqlOf(pool), counts, duplicatesWriter),
    sum: (a, b) => ({ times: a.times + b.times, lastAt: Math.max(a.lastAt, b.lastAt) }),
    log,
    everyMs: DUPLICATES_EVERY_MS,
  });
  const running = new Set<Promise<void>>();
  let gatherTimer: NodeJS.Timeout | undefined;
  let scheduled = false;
  let closed = false;

  async function accept(delivery: Delivery): Promise<Accepted> {
    if (closed) throw new PosternError('overloaded', 'the gateway is stopping; deliver again');
    const key = cacheKey(delivery);
    const looked = cache.get(key);
    const cached = looked instanceof Promise ? await looked : looked;
    if (cached !== undefined) return countDuplicate(cached, delivery.receivedAt);
    const first = committing.get(key);
    if (first !== undefined) {
      const eventIds = await withDeadline(first, delivery.receivedAt + options.ackDeadlineMs);
      if (eventIds !== undefined) return countDuplicate(eventIds, delivery.receivedAt);
      throw new PosternError('overloaded', 'the same request was being stored and failed; deliver again');
    }
    const outcome = enqueue(delivery);
    // The copies' view of the first: never rejects, so that a first without copies leaves no unhandled rejection.
    committing.set(
      key,
      outcome.then(
        (accepted) => accepted.eventIds,
        () => undefined,
      ),
    );
    try {
      const { eventIds, ...accepted } = await outcome;
      cache.put(key, eventIds);
      return accepted;
    } finally {
      committing.delete(key);
    }
  }

  type Outcome = Accepted & { readonly eventIds: readonly string[] };

  function enqueue(delivery: Delivery): Promise<Outcome> {
    return new Promise<Outcome>((resolve, reject) => {
      const deadline = delivery.receivedAt + options.ackDeadlineMs;
      const waiting: Waiting = {
        delivery,
        deadline,
        timer: undefined,
        settled: false,
        resolve: (accepted) => resolve(accepted as Outcome),
        reject,
      };
      // The deadline is ours and not the server's: a stopped Postgres enforces nothing.
      waiting.timer = setTimeout(
        () => settle(waiting, new PosternError('commit_unknown', 'not durable within the deadline; deliver again')),
        Math.max(0, deadline - clock.now()),
      );
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
      const run = runGroup(group, lane.writer).finally(() => {
        lane.busy = false;
        running.delete(run);
        startLanes();
      });
      running.add(run);
    }
  }

  /** True once the oldest waits too long; until then a look is due when it will. */
  function gatheredLongEnough(): boolean {
    const oldest = queue.find((w) => !w.settled)?.delivery.receivedAt;
    if (oldest === undefined) return false;
    const leftMs = oldest + gatherMsMax - clock.now();
    if (leftMs <= 0) return true;
    gatherTimer ??= setTimeout(() => {
      gatherTimer = undefined;
      startLanes();
    }, leftMs);
    return false;
  }

  function takeGroup(): Waiting[] {
    const group: Waiting[] = [];
    let events = 0;
    let bytes = 0;
    while (queue.length > 0) {
      const next = queue[0];
      if (next === undefined) break;
      if (!next.settled) {
        const full =
          events + next.delivery.events.length > groupEventsMax || bytes + next.delivery.body.length > GROUP_BYTES_MAX;
        if (full && group.length > 0) break;
        events += next.delivery.events.length;
        bytes += next.delivery.body.length;
        group.push(next);
      }
      queue.shift();
    }
    return group;
  }

  async function runGroup(group: readonly Waiting[], writer: string): Promise<void> {
    const rows: GroupRow[] = group.flatMap((w) => w.delivery.events.map((event) => ({ delivery: w.delivery, event })));
    metrics.intakeGroupSize.observe(rows.length);
    const stop = metrics.intakeSeconds.startTimer();
    const deadline = Math.min(...group.map((w) => w.deadline));
    let outcome: GroupOutcome;
    try {
      outcome = await commitGroup(rows, {
        connect: () => pool.connect() as Promise<PoolClient>,
        writer,
        clock,
        deadline,
        metrics,
        log,
      });
    } catch (error) {
      // The fate of the group is unknown, and so may be everything the cache remembers.
      cache.clear();
      log.warn({ error: messageOf(error), events: rows.length }, 'a group could not be made durable');
      const unknown =
        error instanceof PosternError
          ? error
          : new PosternError('overloaded', 'the database is away; deliver again', { cause: error });
      for (const waiting of group) settle(waiting, unknown);
      return;
    } finally {
      stop();
    }
    for (const waiting of group) settleByOutcome(waiting, outcome);
    options.onStored?.();
  }

  function settleByOutcome(waiting: Waiting, outcome: GroupOutcome): void {
    const accepted = { stored: 0, duplicates: 0, conflicts: 0, eventIds: [] as string[] };
    for (const event of waiting.delivery.events) {
      const id = uuidText(event.id);
      const result = outcome.get(id);
      if (result === undefined || result.kind === 'stored') {
        accepted.stored += 1;
        accepted.eventIds.push(id);
      } else if (result.kind === 'refused') {
        settle(waiting, result.error);
        return;
      } else if (result.kind === 'conflict') {
        accepted.conflicts += 1;
        accepted.eventIds.push(result.id);
      } else {
        accepted.duplicates += 1;
        accepted.eventIds.push(result.of);
        duplicates.add(result.of, { times: 1, lastAt: waiting.delivery.receivedAt });
      }
    }
    settle(waiting, accepted);
  }

  function settle(waiting: Waiting, result: Accepted | PosternError): void {
    if (waiting.settled) return;
    waiting.settled = true;
    clearTimeout(waiting.timer);
    if (result instanceof PosternError) waiting.reject(result);
    else waiting.resolve(result);
  }

  function countDuplicate(eventIds: readonly string[], at: number): Accepted {
    for (const id of eventIds) duplicates.add(id, { times: 1, lastAt: at });
    return { stored: 0, duplicates: eventIds.length, conflicts: 0 };
  }

  async function withDeadline<T>(promise: Promise<T>, deadline: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new PosternError('commit_unknown', 'not durable within the deadline; deliver again')),
        Math.max(0, deadline - clock.now()),
      );
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    accept,
    waitingSince: () => queue.find((w) => !w.settled)?.delivery.receivedAt ?? null,
    stats: () => ({ waiting: queue.length, inFlight: lanes.filter((l) => l.busy).length }),
    async close() {
      closed = true;
      startLanes();
      // A lane that falls free takes the next group before its run is over, so this ends with the queue.
      while (running.size > 0) await Promise.all(running);
      clearTimeout(gatherTimer);
      await duplicates.close();
    },
  };
}

/**
 * Endpoint and bytes. A hint's bytes are the same whatever changed (Mollie calls with `id=tr_…` for each refund), so only
 * its own ids tell a copy from the next call.
 */
function cacheKey({ endpoint, sha256, level, events }: Delivery): string {
  if (level !== 'hint') return duplicateKey(endpoint.id, sha256);
  const ids = JSON.stringify(events.map((event) => event.eventId));
  return duplicateKey(endpoint.id, hash('sha256', Buffer.concat([sha256, Buffer.from(ids)]), 'buffer'));
}
