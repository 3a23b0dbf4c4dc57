import { ADVISORY_LOCK_CLASS } from '../postgres/locks.ts';
import type { Sql, Tx } from '../postgres/sql.ts';
import type { QueueName } from './queues.ts';

export const QUEUES_CHANNEL = 'postern_queues';

export type QueueControl = {
  readonly queue: string;
  readonly paused: boolean;
  readonly reason: string | null;
  readonly actor: string;
  readonly changedAt: Date;
};

/** Queues that nobody ever paused have no row. */
export async function selectQueueControls(sql: Sql): Promise<QueueControl[]> {
  const { rows } = await sql.query<{
    queue: string;
    paused: boolean;
    reason: string | null;
    actor: string;
    changed_at: Date;
  }>({
    name: 'queue-controls',
    text: 'select queue, paused, reason, actor, changed_at from postern.queue_controls',
  });
  return rows.map(({ changed_at: changedAt, ...row }) => ({ ...row, changedAt }));
}

export async function selectPausedQueues(sql: Sql): Promise<ReadonlySet<string>> {
  return new Set((await selectQueueControls(sql)).flatMap(({ queue, paused }) => (paused ? [queue] : [])));
}

/** False where the queue is so already: whoever paused it first, and why, stands. */
export async function setPaused(
  tx: Tx,
  { queue, paused, reason, actor }: { queue: QueueName; paused: boolean; reason: string | null; actor: string },
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `insert into postern.queue_controls as c (queue, paused, reason, actor)
     select $1::text, $2::bool, $3::text, $4::text
     where $2::bool or exists (select from postern.queue_controls where queue = $1)
     on conflict (queue) do update
     set paused = excluded.paused, reason = excluded.reason, actor = excluded.actor, changed_at = now()
     where c.paused <> excluded.paused`,
    [queue, paused, reason, actor],
  );
  await tx.query(`select pg_notify('${QUEUES_CHANNEL}', '')`);
  return rowCount > 0;
}

export const HURRIED_AT_ONCE = 5_000;

/**
 * Makes events due that wait for their next attempt, and their jobs with them; returns how many. Those whose job is gone get
 * one from the sweeper. What a worker holds is left to it.
 */
export async function hurryEvents(tx: Tx): Promise<number> {
  const { rows } = await tx.query<{ count: number }>(
    `with moved as (
       update postern.events set next_attempt_at = null
       where id in (
         select id from postern.events where status = 'queued' and coalesce(next_attempt_at, received_at) > now()
         order by coalesce(next_attempt_at, received_at) limit $1
         for no key update skip locked
       )
       returning job_id
     ), jobs as (
       update pgboss.job set start_after = now()
       where name = 'events' and id in (select job_id from moved) and state in ('created', 'retry')
     )
     select count(*)::int4 as count from moved`,
    [HURRIED_AT_ONCE],
  );
  return rows[0]?.count ?? 0;
}

/** The same of objects that were asked for once and are to be asked for again. A first time is not hurried: it may be too early. */
export async function hurryFetches(tx: Tx): Promise<number> {
  const { rowCount } = await tx.query(
    `update postern.fetches set due_at = now()
     where event_id in (
       select event_id from postern.fetches where due_at > now() and attempts > 0 and leased_until is null
       order by due_at limit $1 for update skip locked
     )`,
    [HURRIED_AT_ONCE],
  );
  return rowCount;
}

/** The same of settlement reports that could not be fetched yet. */
export async function hurryReports(tx: Tx): Promise<number> {
  const { rowCount } = await tx.query(
    `update postern.report_fetches set due_at = now()
     where id in (
       select id from postern.report_fetches where status = 'queued' and due_at > now() and attempts > 0
       order by due_at limit $1 for update skip locked
     )`,
    [HURRIED_AT_ONCE],
  );
  return rowCount;
}

export type LivingWorker = {
  readonly id: bigint;
  readonly startedAt: Date;
  readonly holding: number;
  readonly settings: Readonly<Record<string, number>> | null;
};

const WORKERS_MAX = 100;

/** A worker holds the advisory lock of its row: rows without it belong to dead ones. */
export const LIVING_WORKERS = `postern.workers w where exists (select from pg_locks l where l.locktype = 'advisory'
  and l.database = (select oid from pg_database where datname = current_database())
  and l.classid = ${ADVISORY_LOCK_CLASS.worker} and l.objid = w.id::int4::oid and l.granted)`;

export async function selectLivingWorkers(sql: Sql): Promise<LivingWorker[]> {
  const { rows } = await sql.query<{
    id: bigint;
    started_at: Date;
    holding: number;
    settings: Record<string, number> | null;
  }>(
    `select w.id, w.started_at, cardinality(w.holding) as holding, w.settings from ${LIVING_WORKERS} order by w.id limit ${WORKERS_MAX}`,
  );
  return rows.map(({ started_at: startedAt, ...row }) => ({ ...row, startedAt }));
}
