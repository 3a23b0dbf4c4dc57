import type { PoolClient } from 'pg';
import type { Clock } from '../clock.ts';
import { messageOf, PosternError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { isDataError, sqlOf, sqlStateOf } from '../postgres/sql.ts';
import { uuidText, uuidv7 } from '../uuid.ts';
import {
  findKnown,
  type GroupRow,
  inKeyOrder,
  keepDuplicateDelivery,
  storeConflict,
  storeGroup,
} from './intake-store.ts';
import { resolveKnown } from './known-events.ts';

/** What became of one event of a group, by its own id; an id that is missing was stored. */
export type EventOutcome =
  | { readonly kind: 'stored' }
  | { readonly kind: 'duplicate'; readonly of: string }
  | { readonly kind: 'conflict'; readonly id: string }
  /** Postgres refuses this very row: our fault, answered 5xx, never lost in silence. */
  | { readonly kind: 'refused'; readonly error: PosternError };

export type GroupOutcome = ReadonlyMap<string, EventOutcome>;

export type GroupContext = {
  connect(): Promise<PoolClient>;
  /** The lane's own id in the counters. */
  readonly writer: string;
  readonly clock: Clock;
  /** Unix ms past which the outcome is unknown. */
  readonly deadline: number;
  readonly metrics: Metrics;
  readonly log: Log;
};

const DEADLOCK_TRIES = 3;

/**
 * Makes a group durable. A group that fails on data is halved until the guilty row is alone; one that fails on the
 * connection is tried once more on another, which is safe because rows keep their ids: what the lost attempt committed
 * is found again as our own.
 *
 * @throws PosternError `overloaded` when the database is away, `commit_unknown` past the deadline.
 */
export async function commitGroup(rows: readonly GroupRow[], context: GroupContext): Promise<GroupOutcome> {
  try {
    return await attempt(rows, context);
  } catch (error) {
    if (error instanceof PosternError) throw error;
    context.metrics.intakeRetried.inc();
    context.log.warn({ error: messageOf(error), events: rows.length }, 'trying a group again on another connection');
    return await attempt(rows, context).catch((again: unknown) => {
      if (again instanceof PosternError) throw again;
      throw new PosternError('overloaded', 'the database is away; deliver again', { cause: again });
    });
  }
}

async function attempt(rows: readonly GroupRow[], context: GroupContext): Promise<GroupOutcome> {
  const client = await beforeDeadline(connectOrRelease(context), context);
  let broken = true;
  try {
    const outcome = new Map<string, EventOutcome>();
    await beforeDeadline(storeHalving(client, inKeyOrder(rows), context, outcome), context);
    broken = false;
    return outcome;
  } finally {
    // A connection that overran the deadline or failed is destroyed: its statement may still be running.
    client.release(broken);
    if (broken) destroySocket(client);
  }
}

/** A connection that arrives after its deadline goes back to the pool instead of leaking. */
function connectOrRelease(context: GroupContext): Promise<PoolClient> {
  return context.connect().then((client) => {
    if (context.clock.now() > context.deadline) {
      client.release();
      throw deadlinePassed();
    }
    return client;
  });
}

function destroySocket(client: PoolClient): void {
  const { connection } = client as unknown as { connection?: { stream?: { destroy(): void } } };
  connection?.stream?.destroy();
}

async function storeHalving(
  client: PoolClient,
  rows: readonly GroupRow[],
  context: GroupContext,
  outcome: Map<string, EventOutcome>,
): Promise<void> {
  let known: Set<string>;
  try {
    known = await storeRetryingDeadlocks(client, rows, context);
  } catch (error) {
    if (!isDataError(error)) throw error;
    const [only] = rows;
    if (only === undefined) return;
    if (rows.length === 1) {
      context.metrics.intakePoison.inc();
      context.log.error(
        { error: messageOf(error), endpoint: only.delivery.endpoint.name },
        'Postgres refuses an event',
      );
      outcome.set(uuidText(only.event.id), {
        kind: 'refused',
        error: new PosternError('internal', 'the event could not be stored', { cause: error }),
      });
      return;
    }
    context.metrics.intakeHalved.inc();
    const middle = rows.length >> 1;
    await storeHalving(client, rows.slice(0, middle), context, outcome);
    await storeHalving(client, rows.slice(middle), context, outcome);
    return;
  }
  if (known.size > 0) {
    await resolve(
      client,
      rows.filter((row) => known.has(uuidText(row.event.id))),
      context,
      outcome,
    );
  }
}

async function storeRetryingDeadlocks(
  client: PoolClient,
  rows: readonly GroupRow[],
  context: GroupContext,
): Promise<Set<string>> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await storeGroup(sqlOf(client), rows, { jobId: uuidv7(context.clock.now()), writer: context.writer });
    } catch (error) {
      const state = sqlStateOf(error);
      if (state !== '40P01' && state !== '40001') throw error;
      context.metrics.serializationFailures.inc({ sqlstate: state });
      if (tries >= DEADLOCK_TRIES) throw error;
    }
  }
}

/** The long way for rows whose identity is taken: copies, retries in other bytes, conflicts. */
async function resolve(
  client: PoolClient,
  rows: readonly GroupRow[],
  context: GroupContext,
  outcome: Map<string, EventOutcome>,
): Promise<void> {
  const sql = sqlOf(client);
  for (const row of rows) {
    // One at a time: two conflicting newcomers of one group must see each other.
    const ownId = uuidText(row.event.id);
    const resolution = resolveKnown(row, await findKnown(sql, [row]), ownId);
    if (resolution === undefined) {
      throw new PosternError(
        'internal',
        `event ${row.event.eventId} was refused as known, but nobody stands under its id`,
      );
    }
    if (resolution.kind === 'stored') continue;
    if (resolution.kind === 'duplicate') {
      if (!resolution.sameBytes) await keepDuplicateDelivery(sql, row.delivery, resolution.of);
      outcome.set(ownId, { kind: 'duplicate', of: resolution.of });
      continue;
    }
    const stored = await storeConflict(sql, row, {
      variant: row.event.fingerprint(),
      firstId: resolution.firstId,
      compared: resolution.compared,
      writer: context.writer,
    });
    context.log.error(
      { endpoint: row.delivery.endpoint.name, event: row.event.eventId, first: resolution.firstId },
      'other content under a known event id',
    );
    outcome.set(ownId, stored ? { kind: 'conflict', id: ownId } : { kind: 'duplicate', of: resolution.firstId });
  }
}

async function beforeDeadline<T>(work: Promise<T>, context: GroupContext): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(deadlinePassed()), Math.max(0, context.deadline - context.clock.now()));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    // The loser of the race must not become an unhandled rejection.
    work.catch((error: unknown) =>
      context.log.debug({ error: messageOf(error) }, 'an attempt ended after its deadline'),
    );
  }
}

function deadlinePassed(): PosternError {
  return new PosternError('commit_unknown', 'not durable within the deadline; deliver again');
}
