import { hash } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import type { Clock } from '../clock.ts';
import { messageOf, PosternError } from '../errors.ts';
import { createGroupLanes, LANES_MAX, type Waiting } from '../group-lanes.ts';
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
  /** Unix ms of the last group that did not become durable; null once one did again. */
  lastFailure(): number | null;
  /** Writes what is in hand; after it nothing is accepted. */
  close(): Promise<void>;
};

const GROUP_EVENTS_MAX = 200;
const GROUP_BYTES_MAX = 4 * 1024 * 1024;
const GATHER_MS_MAX = 200;
/** Written within 1 s of coming; as late as that allows, because in a storm each write updates a row an event. */
const DUPLICATES_EVERY_MS = 850;

/** What is in a delivery, and whether it was a copy. */
type Outcome = Accepted & {
  readonly eventIds: readonly string[];
  /** When its group began, as `performance.now()` tells it. */
  readonly startedAt: number;
};

/** Deliveries that arrive together become durable in one statement; see group-lanes.ts. */
export function createIntake(options: IntakeOptions): Intake {
  const { pool, cache, clock, log, metrics } = options;
  /** Bodies on their way to the commit: a copy that arrives meanwhile waits for that commit. */
  const committing = new Map<string, Promise<readonly string[] | undefined>>();
  const writers = Array.from({ length: LANES_MAX }, () => uuidv7(clock.now()));
  const lanes = createGroupLanes<Delivery, Outcome>({
    clock,
    deadlineMs: options.ackDeadlineMs,
    rowsMax: options.groupEventsMax ?? GROUP_EVENTS_MAX,
    bytesMax: GROUP_BYTES_MAX,
    gatherMsMax: options.gatherMsMax ?? GATHER_MS_MAX,
    sizeOf: (delivery) => ({ rows: delivery.events.length, bytes: delivery.body.length }),
    run: (group, lane) => runGroup(group, writers[lane] ?? duplicatesWriter),
  });
  const duplicatesWriter = uuidv7(clock.now());
  const duplicates = createGatheredCounts<{ times: number; lastAt: number }>({
    what: 'duplicates',
    write: (counts) => addDuplicates(sqlOf(pool), counts, duplicatesWriter),
    sum: (a, b) => ({ times: a.times + b.times, lastAt: Math.max(a.lastAt, b.lastAt) }),
    log,
    everyMs: DUPLICATES_EVERY_MS,
  });
  let closed = false;
  let lastFailure: number | null = null;

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
    const enqueuedAt = performance.now();
    const outcome = lanes.enqueue(delivery, delivery.receivedAt);
    // The copies' view of the first: never rejects, so that a first without copies leaves no unhandled rejection.
    committing.set(
      key,
      outcome.then(
        (accepted) => accepted.eventIds,
        () => undefined,
      ),
    );
    try {
      const { eventIds, startedAt, ...accepted } = await outcome;
      metrics.ackPhase.wait(startedAt - enqueuedAt);
      metrics.ackPhase.commit(performance.now() - startedAt);
      cache.put(key, eventIds);
      return accepted;
    } finally {
      committing.delete(key);
    }
  }

  async function runGroup(group: readonly Waiting<Delivery, Outcome>[], writer: string): Promise<void> {
    const rows: GroupRow[] = group.flatMap(({ item: delivery }) =>
      delivery.events.map((event) => ({ delivery, event })),
    );
    metrics.intakeGroupSize.observe(rows.length);
    const stop = metrics.intakeSeconds.startTimer();
    const startedAt = performance.now();
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
      lastFailure = clock.now();
      // The fate of the group is unknown, and so may be everything the cache remembers.
      cache.clear();
      log.warn({ error: messageOf(error), events: rows.length }, 'a group could not be made durable');
      const unknown =
        error instanceof PosternError
          ? error
          : new PosternError('overloaded', 'the database is away; deliver again', { cause: error });
      for (const waiting of group) waiting.settle(unknown);
      return;
    } finally {
      stop();
    }
    lastFailure = null;
    for (const waiting of group) settleByOutcome(waiting, outcome, startedAt);
    options.onStored?.();
  }

  function settleByOutcome(waiting: Waiting<Delivery, Outcome>, outcome: GroupOutcome, startedAt: number): void {
    const accepted = { stored: 0, duplicates: 0, conflicts: 0, eventIds: [] as string[], startedAt };
    for (const event of waiting.item.events) {
      const id = uuidText(event.id);
      const result = outcome.get(id);
      if (result === undefined || result.kind === 'stored') {
        accepted.stored += 1;
        accepted.eventIds.push(id);
      } else if (result.kind === 'refused') {
        waiting.settle(result.error);
        return;
      } else if (result.kind === 'conflict') {
        accepted.conflicts += 1;
        accepted.eventIds.push(result.id);
      } else {
        accepted.duplicates += 1;
        accepted.eventIds.push(result.of);
        duplicates.add(result.of, { times: 1, lastAt: waiting.item.receivedAt });
      }
    }
    waiting.settle(accepted);
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
    waitingSince: () => lanes.waitingSince(),
    stats: () => lanes.stats(),
    lastFailure: () => lastFailure,
    async close() {
      closed = true;
      await lanes.close();
      await duplicates.close();
    },
  };
}

/**
 * Endpoint, bytes and the ids that are proved. The bytes alone would take the next call for a copy where what tells them
 * apart is not in them: Mollie calls with `id=tr_…` for each refund, and two of Plaid's differ by the time in their tokens
 * only. An id outside the signature is whatever its sender says, and tells nothing.
 */
function cacheKey({ endpoint, sha256, level, events }: Delivery): string {
  const proved = events.filter(({ variant }) => level === 'hint' || variant.length === 0);
  if (proved.length === 0) return duplicateKey(endpoint.id, sha256);
  const ids = JSON.stringify(proved.map(({ eventId }) => eventId));
  return duplicateKey(endpoint.id, hash('sha256', Buffer.concat([sha256, Buffer.from(ids)]), 'buffer'));
}
