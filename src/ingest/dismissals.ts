import type pg from 'pg';
import { insertAudit } from '../audit-store.ts';
import type { Clock } from '../clock.ts';
import { messageOf, PosternError } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import { retryingDeadlocks } from '../postgres/retry-deadlocks.ts';
import { isDatabaseError, sqlOf, type Tx, withTransaction } from '../postgres/sql.ts';
import { isUuid, uuidv7 } from '../uuid.ts';
import {
  cancelDismissal,
  type DismissalRow,
  dismissEvents,
  insertDismissal,
  noteBatchFailure,
  saveBatch,
  selectDismissal,
  selectStatus,
  takeDismissal,
} from './dismissal-store.ts';
import { type EventFilter, readEventFilter, statusOf } from './event-filter.ts';
import { countEvents, selectEventIds } from './event-filter-store.ts';
import { storableText } from './read-events.ts';

/** Puts dead letters away: one, or all that a filter means. Each says who did it and why. */
export type Dismissals = {
  /** @throws PosternError `not_found`; `conflict` where it is not dead; `invalid_request` without a reason. */
  dismissOne(eventId: string, reason: string, actor: string): Promise<void>;
  /** How many a filter means now. @throws PosternError `invalid_request` where it can mean no dead letter. */
  count(filter: EventFilter): Promise<number>;
  /** Orders many; the id of the order. @throws PosternError as `count` and `dismissOne` do. */
  ask(filter: EventFilter, reason: string, actor: string): Promise<string>;
  /** @throws PosternError `not_found`; `conflict` where it is over. */
  cancel(id: string, actor: string): Promise<void>;
  /** One batch of one order (null: of any); false where none is due. */
  step(id: string | null): Promise<boolean>;
};

const BATCH = 500;
const COUNTED_MAX = 10_000_000;
const REASON_BYTES_MAX = 4_000;
const ATTEMPTS_MAX = 10;
const WAIT_S = 5;

export function createDismissals(parts: {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly metrics: Metrics;
}): Dismissals {
  const { pool, clock, metrics } = parts;
  const sql = sqlOf(pool);

  async function dismissOne(eventId: string, reason: string, actor: string): Promise<void> {
    const why = reasonOf(reason);
    await withTransaction(pool, async (tx) => {
      const dismissed = isUuid(eventId) ? await dismissEvents(tx, { ids: [eventId], actor, reason: why, of: null }) : 0;
      if (dismissed === 0) throw await notDead(tx, eventId);
      await insertAudit(tx, { actor, action: 'event.dismiss', subject: `event:${eventId}`, reason: why });
    });
    metrics.dismissedEvents.inc();
  }

  async function ask(filter: EventFilter, reason: string, actor: string): Promise<string> {
    const why = reasonOf(reason);
    const total = await count(filter);
    const now = clock.now();
    const id = uuidv7(now);
    await withTransaction(pool, async (tx) => {
      // The present millisecond is meant, too: `to` is what comes after.
      await insertDismissal(tx, { id, filter, reason: why, actor, untilAt: new Date(now + 1), total });
      await insertAudit(tx, {
        actor,
        action: 'dismissal.create',
        subject: `dismissal:${id}`,
        reason: why,
        details: { filter, total },
      });
    });
    return id;
  }

  async function count(filter: EventFilter): Promise<number> {
    return countEvents(sql, deadOf(filter), COUNTED_MAX);
  }

  async function cancel(id: string, actor: string): Promise<void> {
    await withTransaction(pool, async (tx) => {
      const known = isUuid(id) ? await selectDismissal(tx, id) : undefined;
      if (known === undefined) throw new PosternError('not_found', `there is no dismissal ${id}`);
      if (!(await cancelDismissal(tx, id))) throw new PosternError('conflict', `dismissal ${id} is over`);
      await insertAudit(tx, { actor, action: 'dismissal.cancel', subject: `dismissal:${id}` });
    });
  }

  async function step(id: string | null): Promise<boolean> {
    let taken: DismissalRow | undefined;
    try {
      const worked = await retryingDeadlocks(metrics, () =>
        withTransaction(pool, async (tx) => {
          taken = await takeDismissal(tx, id);
          return taken === undefined ? null : work(tx, taken);
        }),
      );
      if (worked === null) return false;
      metrics.dismissedEvents.inc(worked);
      return true;
    } catch (error) {
      // The database is to blame, not what was asked for: it is tried again as long as it takes.
      if (taken === undefined || isDatabaseError(error)) throw error;
      await noteBatchFailure(sql, taken.id, { error: messageOf(error), waitS: WAIT_S, giveUpAfter: ATTEMPTS_MAX });
      return false;
    }
  }

  /** Returns how many it dismissed. */
  async function work(tx: Tx, order: DismissalRow): Promise<number> {
    const { id, actor, reason, beyond } = order;
    const filter = untilAsked(deadOf(readEventFilter(order.filter)), order.until_at);
    const ids = await selectEventIds(tx, filter, { order: 'oldest', beyond, limit: BATCH });
    const of = { dismissalId: id, filter, askedAt: order.created_at };
    const dismissed = ids.length === 0 ? 0 : await dismissEvents(tx, { ids, actor, reason, of });
    const done = ids.length < BATCH;
    await saveBatch(tx, id, { lookedAt: ids.length, dismissed, beyond: ids.at(-1) ?? null, done });
    if (done) {
      const all = Number(order.dismissed) + dismissed;
      await insertAudit(tx, {
        actor,
        action: 'dismissal.done',
        subject: `dismissal:${id}`,
        details: { dismissed: all },
      });
    }
    return dismissed;
  }

  return { dismissOne, count, ask, cancel, step };
}

function reasonOf(reason: string): string {
  const why = storableText(reason.trim(), REASON_BYTES_MAX);
  if (why === '') throw new PosternError('invalid_request', 'a dismissal needs a reason');
  return why;
}

/** The filter, of dead letters alone. @throws PosternError `invalid_request` where it says another state. */
export function deadOf(filter: EventFilter): EventFilter & { readonly status: 'dead' } {
  const status = statusOf(filter) ?? 'dead';
  if (status !== 'dead')
    throw new PosternError('invalid_request', `only dead letters are dismissed, and the filter means ${status} events`);
  return { ...filter, status };
}

function untilAsked(filter: EventFilter, until: Date): EventFilter {
  const to = filter.to === undefined ? until.getTime() : Math.min(Date.parse(filter.to), until.getTime());
  return { ...filter, to: new Date(to).toISOString() };
}

async function notDead(tx: Tx, eventId: string): Promise<PosternError> {
  const status = isUuid(eventId) ? await selectStatus(tx, eventId) : undefined;
  return status === undefined
    ? new PosternError('not_found', `there is no event ${eventId}`)
    : new PosternError('conflict', `event ${eventId} is ${status}: only dead letters are dismissed`);
}
