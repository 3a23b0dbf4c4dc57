import { int2Array, int8Array, textArray, timestamptzArray, uuidTextArray } from '../postgres/binary-arrays.ts';
import { ADVISORY_LOCK_CLASS } from '../postgres/locks.ts';
import type { Sql, Tx } from '../postgres/sql.ts';
import type { AuthenticityLevel } from '../providers/provider.ts';
import type { Ending, Interpretation, TakenEvent } from './interpret.ts';

/**
 * Says `status = 'queued'` so that the planner does not see it. Where the last analyze found an empty queue it would read
 * the whole index of queued events for every batch, and a backlog would slow its own working off: 20 times at 20,000 events.
 */
const QUEUED = `status || '' = 'queued'`;

/**
 * Takes events that are still queued and due, with their bytes, in id order; what another worker holds is left to it.
 * The bytes of an event that outlived its day are looked for in a second statement, so that the others pay nothing.
 */
export async function takeEvents(tx: Tx, ids: readonly string[]): Promise<TakenEvent[]> {
  const result = await tx.query<{
    id: string;
    endpoint_id: number;
    item: number;
    event_id: string;
    type: string;
    account: string;
    live: boolean | null;
    attempts: number;
    reason: string | null;
    received_at: Date;
    delivery_id: string;
    trace: Buffer | null;
    level: AuthenticityLevel | null;
    headers: string | null;
    body: Buffer | null;
  }>(
    {
      name: 'work-take-events',
      text: `
with taken as (
  select id, endpoint_id, item, event_id, type, account, live, attempts, reason, received_at, delivery_id, trace
  from postern.events
  where id = any($1::uuid[]) and ${QUEUED} and (next_attempt_at is null or next_attempt_at <= now())
  order by id
  for no key update skip locked
)
select t.id, t.endpoint_id, t.item, t.event_id, t.type, t.account, t.live, t.attempts, t.reason, t.received_at,
  t.delivery_id, t.trace, d.level, d.headers, d.body
from taken t
-- The limit keeps it a lookup by key: planned as a join it reads the day's whole index for every batch.
left join lateral (
  select d.level, d.headers, d.body from postern.deliveries d
  where d.id = t.delivery_id and d.received_at = t.received_at limit 1
) d on true
order by t.id`,
    },
    [uuidTextArray(ids)],
  );
  const without = result.rows.filter((row) => row.body === null).map((row) => row.delivery_id);
  const kept = without.length === 0 ? NONE_KEPT : await selectKept(tx, without);
  return result.rows.map((row) => ({
    id: row.id,
    trace: row.trace,
    endpointId: row.endpoint_id,
    item: row.item,
    eventId: row.event_id,
    type: row.type,
    account: row.account,
    live: row.live,
    attempts: row.attempts,
    reason: row.reason,
    receivedAt: row.received_at.getTime(),
    ...bytesOf(row, kept.get(row.delivery_id)),
    fetched: null,
  }));
}

type Bytes = Pick<TakenEvent, 'level' | 'headers' | 'body'>;

const NONE_KEPT: ReadonlyMap<string, Bytes> = new Map();

function bytesOf(
  { level, headers, body }: { level: AuthenticityLevel | null; headers: string | null; body: Buffer | null },
  kept: Bytes | undefined,
): Bytes {
  if (level !== null && headers !== null && body !== null) return { level, headers, body };
  return kept ?? { level: 'hint', headers: '[]', body: null };
}

/** Deliveries that outlived their day, by id. */
async function selectKept(tx: Tx, deliveryIds: readonly string[]): Promise<ReadonlyMap<string, Bytes>> {
  const result = await tx.query<{ id: string; level: AuthenticityLevel; headers: string; body: Buffer }>(
    {
      name: 'work-select-kept',
      text: 'select id, level, headers, body from postern.deliveries_kept where id = any($1::uuid[])',
    },
    [uuidTextArray(deliveryIds)],
  );
  return new Map(result.rows.map(({ id, ...bytes }) => [id, bytes]));
}

/** Which of these are queued and due, whoever may hold them: a plain read waits for nobody. */
export async function selectDue(tx: Tx, ids: readonly string[]): Promise<string[]> {
  const result = await tx.query<{ id: string }>(
    {
      name: 'work-select-due',
      text: `
select id from postern.events
where id = any($1::uuid[]) and ${QUEUED} and (next_attempt_at is null or next_attempt_at <= now())
order by id`,
    },
    [uuidTextArray(ids)],
  );
  return result.rows.map((row) => row.id);
}

export type Finished = { readonly interpretation: Interpretation; readonly ending: Ending };

/**
 * Moves events out of the queue, writes what they are about and counts them: one statement, in the transaction that
 * holds their postings.
 */
export async function finishEvents(tx: Tx, finished: readonly Finished[], writer: string): Promise<void> {
  const waits = finished.map((f) => (f.ending.status === 'deferred' ? f.ending : null));
  const fails = finished.map((f) => (f.ending.status === 'dead' ? f.ending : null));
  const references = finished.flatMap((f) =>
    f.interpretation.references.map((r) => ({ eventId: f.interpretation.event.id, kind: r.kind, value: r.id })),
  );
  const atRisk = finished.flatMap((f) => {
    const { amount, event } = f.interpretation;
    const unfinished = f.ending.status === 'deferred' || f.ending.status === 'dead';
    return unfinished && amount !== null ? [{ eventId: event.id, ...amount }] : [];
  });
  await tx.query(
    {
      name: 'work-finish-events',
      text: `
with moved as (
  update postern.events e
  set status = f.status, reason = f.reason, error_code = f.error_code, error_message = f.error_message,
    waiting_for = f.waiting_for, waiting_key = f.waiting_key, until = f.until, attempts = f.attempts, next_attempt_at = null,
    posted_at = case when f.status = 'posted' then now() end, amount = coalesce(f.amount, e.amount),
    currency = coalesce(f.currency, e.currency)
  from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::int2[],
    $17::int8[], $18::text[])
    as f (id, status, reason, error_code, error_message, waiting_for, waiting_key, until, attempts, amount, currency)
  where e.id = f.id
  returning e.endpoint_id
), referenced as (
  insert into postern.event_references (event_id, kind, value)
  select * from unnest($10::uuid[], $11::text[], $12::text[])
  on conflict do nothing
), at_risk as (
  insert into postern.event_amounts (event_id, currency, amount)
  select * from unnest($13::uuid[], $14::text[], $15::int8[])
  on conflict (event_id) do nothing
)
insert into postern.endpoint_minutes (writer, endpoint_id, minute, finished)
select $16::uuid, endpoint_id, date_trunc('minute', now()), count(*) from moved group by endpoint_id
on conflict (minute, endpoint_id, writer) do update set finished = endpoint_minutes.finished + excluded.finished`,
    },
    [
      uuidTextArray(finished.map((f) => f.interpretation.event.id)),
      textArray(finished.map((f) => f.ending.status)),
      textArray(finished.map((f) => storable('reason' in f.ending ? f.ending.reason : f.ending.code))),
      textArray(fails.map((e) => e?.code ?? null)),
      textArray(fails.map((e) => storable(e?.message ?? null))),
      textArray(waits.map((e) => e?.waitingFor ?? null)),
      textArray(waits.map((e) => e?.waitingKey ?? null)),
      timestamptzArray(waits.map((e) => e?.until ?? null)),
      int2Array(finished.map((f) => Math.min(ATTEMPTS_SHOWN_MAX, f.interpretation.event.attempts + 1))),
      uuidTextArray(references.map((r) => r.eventId)),
      textArray(references.map((r) => r.kind)),
      textArray(references.map((r) => r.value)),
      uuidTextArray(atRisk.map((a) => a.eventId)),
      textArray(atRisk.map((a) => a.currency)),
      int8Array(atRisk.map((a) => a.amount)),
      writer,
      int8Array(finished.map((f) => f.interpretation.amount?.amount ?? null)),
      textArray(finished.map((f) => f.interpretation.amount?.currency ?? null)),
    ],
  );
}

const ERROR_MESSAGE_MAX = 1_000;

/** A text that quotes the sender, without what Postgres refuses or changes, and not without end. */
function storable(text: string | null): string | null {
  return text === null ? null : text.slice(0, ERROR_MESSAGE_MAX).toWellFormed().replaceAll('\u0000', '\ufffd');
}

const ATTEMPTS_SHOWN_MAX = 30_000;

/** Events that waited or were dead once had their amount noted as at risk; now they are through. */
export async function forgetAmounts(tx: Tx, ids: readonly string[]): Promise<void> {
  await tx.query('delete from postern.event_amounts where event_id = any($1::uuid[])', [uuidTextArray(ids)]);
}

/** Counts an attempt and sets when the next is due; the job is the caller's, in the same transaction. */
export async function putBack(
  tx: Tx,
  event: { id: string; attempts: number; nextAttemptAt: number; jobId: string; code: string; message: string },
): Promise<void> {
  await tx.query(
    `update postern.events set attempts = $2, next_attempt_at = $3, job_id = $4, error_code = $5, error_message = $6
     where id = $1 and status = 'queued'`,
    [event.id, event.attempts, new Date(event.nextAttemptAt), event.jobId, event.code, storable(event.message)],
  );
}

/** A worker died while it ran this event alone. Returns how many did by now, or null where it is not queued any more. */
export async function countKill(sql: Sql, id: string): Promise<number | null> {
  const result = await sql.query<{ kills: number }>(
    `update postern.events set kills = kills + 1 where id = $1 and status = 'queued' returning kills`,
    [id],
  );
  return result.rows[0]?.kills ?? null;
}

const SWEEP_MAX = 5_000;

/**
 * Queued events that have been due for 30 s and whose job is gone (deleted, completed, failed): they get a new one. A
 * superfluous job is harmless, because workers take only rows that are still queued.
 */
export async function sweepQueued(tx: Tx, jobId: string): Promise<string[]> {
  const result = await tx.query<{ id: string }>(
    `update postern.events set job_id = $1
     where id in (
       select e.id from postern.events e
       where e.status = 'queued' and coalesce(e.next_attempt_at, e.received_at) < now() - interval '30 seconds'
         and not exists (
           select from pgboss.job j
           where j.name = 'events' and j.id = e.job_id and j.state in ('created', 'retry', 'active')
         )
       order by coalesce(e.next_attempt_at, e.received_at)
       limit ${SWEEP_MAX}
       for no key update of e skip locked
     )
     returning id`,
    [jobId],
  );
  return result.rows.map((row) => row.id);
}

/** Deferred events whose time is up go back for one more try. */
export async function requeueExpired(tx: Tx, jobId: string, reason: string): Promise<string[]> {
  const result = await tx.query<{ id: string }>(
    `update postern.events
     set status = 'queued', waiting_for = null, waiting_key = null, until = null, reason = $2, job_id = $1, next_attempt_at = null
     where id in (
       select id from postern.events where status = 'deferred' and until <= now()
       order by until limit ${SWEEP_MAX} for no key update skip locked
     )
     returning id`,
    [jobId, reason],
  );
  return result.rows.map((row) => row.id);
}

/** A worker's own row. `sql` must be the session that holds its lock; `settings` are shown to whoever looks at the queue. */
export async function registerWorker(sql: Sql, settings: Readonly<Record<string, number>>): Promise<bigint> {
  const made = await sql.query<{ id: bigint }>('insert into postern.workers (settings) values ($1) returning id', [
    JSON.stringify(settings),
  ]);
  const id = made.rows[0]?.id;
  if (id === undefined) throw new Error('insert returned no row');
  await sql.query(`select pg_advisory_lock(${ADVISORY_LOCK_CLASS.worker}, $1)`, [Number(id)]);
  return id;
}

/** Notes what a worker is about to run. It need not survive a server crash, only this process's: no wait for the disk. */
export async function noteHolding(sql: Sql, workerId: bigint, ids: readonly string[]): Promise<void> {
  await sql.query(
    { name: 'work-note-holding', text: 'update postern.workers set holding = $2::uuid[] where id = $1' },
    [workerId, uuidTextArray(ids)],
  );
}

/** Takes the lock of a dead worker, if there is one: its row's lock is free. */
export async function adoptDeadWorker(sql: Sql, exceptId: bigint): Promise<{ id: bigint; holding: string[] } | null> {
  const rows = await sql.query<{ id: bigint; holding: string[] }>(
    'select id, holding from postern.workers where id <> $1 order by id limit 100',
    [exceptId],
  );
  for (const row of rows.rows) {
    const locked = await sql.query<{ locked: boolean }>(
      `select pg_try_advisory_lock(${ADVISORY_LOCK_CLASS.worker}, $1) as locked`,
      [Number(row.id)],
    );
    if (locked.rows[0]?.locked === true) return row;
  }
  return null;
}

export async function removeWorker(sql: Sql, id: bigint): Promise<void> {
  await sql.query('delete from postern.workers where id = $1', [id]);
  await sql.query(`select pg_advisory_unlock(${ADVISORY_LOCK_CLASS.worker}, $1)`, [Number(id)]);
}
