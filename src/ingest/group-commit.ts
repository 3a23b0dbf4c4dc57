import type { PoolClient } from 'pg';
import { messageOf, PosternError } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import { halving } from '../postgres/halving.ts';
import { retryingDeadlocks } from '../postgres/retry-deadlocks.ts';
import { isDataError, sqlOf } from '../postgres/sql.ts';
import { connectionUntil, type UntilDeadline } from '../postgres/until-deadline.ts';
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

export type GroupContext = UntilDeadline & {
  /** The lane's own id in the counters. */
  readonly writer: string;
  readonly metrics: Metrics;
};

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

function attempt(rows: readonly GroupRow[], context: GroupContext): Promise<GroupOutcome> {
  return connectionUntil(context, async (client) => {
    const outcome = new Map<string, EventOutcome>();
    await halving(inKeyOrder(rows), {
      work: (part) => store(client, part, context, outcome),
      blames: isDataError,
      onHalved: () => context.metrics.intakeHalved.inc(),
      onGuilty(row, error) {
        context.metrics.intakePoison.inc();
        const endpoint = row.delivery.endpoint.name;
        context.log.error({ error: messageOf(error), endpoint }, 'Postgres refuses an event');
        const refused = new PosternError('internal', 'the event could not be stored', { cause: error });
        outcome.set(uuidText(row.event.id), { kind: 'refused', error: refused });
      },
    });
    return outcome;
  });
}

async function store(
  client: PoolClient,
  rows: readonly GroupRow[],
  context: GroupContext,
  outcome: Map<string, EventOutcome>,
): Promise<void> {
  const known = await retryingDeadlocks(context.metrics, () =>
    storeGroup(sqlOf(client), rows, { jobId: uuidv7(context.clock.now()), writer: context.writer }),
  );
  if (known.size === 0) return;
  const taken = rows.filter((row) => known.has(uuidText(row.event.id)));
  await resolve(client, taken, context, outcome);
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
