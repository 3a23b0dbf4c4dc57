import { textArray, timestamptzArray, uuidTextArray } from '../postgres/binary-arrays.ts';
import type { Sql, Tx } from '../postgres/sql.ts';
import { LISTED_METHOD } from './delivery.ts';
import { OBJECT_MISSING } from './interpret.ts';

export type NewBackfill = {
  readonly id: string;
  readonly endpointId: number;
  /** Unix ms; up to and without `to`. */
  readonly from: number;
  readonly to: number;
  readonly dryRun: boolean;
  readonly scheduled: boolean;
  readonly actor: string;
};

/** False where the endpoint's scheduled backfill is still under way. */
export async function insertBackfill(tx: Tx, backfill: NewBackfill): Promise<boolean> {
  const { id, endpointId, from, to, dryRun, scheduled, actor } = backfill;
  const { rowCount } = await tx.query(
    `insert into postern.backfills (id, endpoint_id, from_at, to_at, dry_run, scheduled, actor)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`,
    [id, endpointId, new Date(from), new Date(to), dryRun, scheduled, actor],
  );
  return rowCount === 1;
}

/** A backfill in the hands of whoever took it. */
export type TakenBackfill = {
  readonly id: string;
  readonly lease: string;
  readonly endpointId: number;
  readonly from: number;
  readonly to: number;
  readonly dryRun: boolean;
  readonly scheduled: boolean;
  readonly cursor: string | null;
  /** Tries of this page, this one counted. */
  readonly attempts: number;
  readonly pages: number;
};

const LEASE_S = 180;

/**
 * Takes the one that is due the longest, for one page: whoever dies with it gives it back by the end of the lease. Of a processor
 * only one page is asked for at a time, whatever instances there are: its endpoints share its patience, and one that is away
 * must not have all hands wait for it. Those who take follow each other, or two would not see each other's lease.
 */
export async function takeDueBackfill(tx: Tx, lease: string, id: string | null): Promise<TakenBackfill | null> {
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('postern.backfill.take', 0))`);
  const { rows } = await tx.query<{
    id: string;
    endpoint_id: number;
    from_at: Date;
    to_at: Date;
    dry_run: boolean;
    scheduled: boolean;
    cursor: string | null;
    attempts: number;
    pages: number;
  }>(
    `update postern.backfills set status = 'running', lease = $1, due_at = now() + make_interval(secs => ${LEASE_S}),
       attempts = least(attempts + 1, 30000)
     where id = (
       select b.id from postern.backfills b join postern.endpoints e on e.id = b.endpoint_id
       where b.status in ('queued', 'running') and b.due_at <= clock_timestamp() and ($2::uuid is null or b.id = $2::uuid)
         and e.provider not in (
           select n.provider from postern.backfills o join postern.endpoints n on n.id = o.endpoint_id
           where o.status in ('queued', 'running') and o.lease is not null and o.due_at > clock_timestamp())
       order by b.due_at limit 1 for update of b skip locked
     )
     returning id, endpoint_id, from_at, to_at, dry_run, scheduled, cursor, attempts, pages`,
    [lease, id],
  );
  const [row] = rows;
  if (row === undefined) return null;
  return {
    id: row.id,
    lease,
    endpointId: row.endpoint_id,
    from: row.from_at.getTime(),
    to: row.to_at.getTime(),
    dryRun: row.dry_run,
    scheduled: row.scheduled,
    cursor: row.cursor,
    attempts: row.attempts,
    pages: row.pages,
  };
}

/** Nobody has it in hand until then. */
export async function postponeBackfill(sql: Sql, taken: TakenBackfill, dueAt: number, why: string): Promise<boolean> {
  const { rowCount } = await sql.query(
    `update postern.backfills set due_at = $3, error = $4, lease = null where id = $1 and lease = $2 and status = 'running'`,
    [taken.id, taken.lease, new Date(dueAt), why.slice(0, ERROR_CHARS_MAX)],
  );
  return rowCount === 1;
}

/** A processor that asks to wait means the key, not the one question: the endpoint's others wait too, and say why. */
export async function postponeEndpoint(tx: Tx, taken: TakenBackfill, dueAt: number, why: string): Promise<void> {
  if (!(await postponeBackfill(tx, taken, dueAt, why))) return;
  await tx.query(
    `update postern.backfills set due_at = greatest(due_at, $3), error = $4
     where endpoint_id = $2 and id <> $1 and status in ('queued', 'running')`,
    [taken.id, taken.endpointId, new Date(dueAt), why.slice(0, ERROR_CHARS_MAX)],
  );
}

const ERROR_CHARS_MAX = 1_000;

/** For a person: a key that may not read, an answer nobody understands. The schedule, if it was one, goes on at its next time. */
export async function failBackfill(tx: Tx, taken: TakenBackfill, error: string): Promise<void> {
  const { rowCount } = await tx.query(
    `update postern.backfills set status = 'failed', error = $3, finished_at = now()
     where id = $1 and lease = $2 and status = 'running'`,
    [taken.id, taken.lease, error.slice(0, ERROR_CHARS_MAX)],
  );
  if (rowCount === 1 && taken.scheduled) {
    await tx.query('update postern.backfill_schedules set last_error = $2 where endpoint_id = $1', [
      taken.endpointId,
      error.slice(0, ERROR_CHARS_MAX),
    ]);
  }
}

/** What became of one listed event that is worth telling. */
export type FoundEvent = {
  readonly eventId: string;
  readonly outcome: 'missing' | 'filled' | 'conflict' | 'unfinished';
  readonly type: string;
  /** Unix ms. */
  readonly at: number | null;
  /** Our event, where there is one. */
  readonly event: string | null;
  /** Money that its webhook should have told long ago, and nothing else has told. */
  readonly gap: boolean;
};

export type ComparedPage = {
  readonly found: readonly FoundEvent[];
  /** Those that were here, however they ended. */
  readonly received: number;
  readonly posted: number;
};

/**
 * Writes a page's outcome and where to go on, in one transaction: a page that is compared again after a crash is counted
 * once. A backfill that was cancelled meanwhile stays so, and its last page still counts. Returns how many gaps were new, or
 * null where the lease was lost.
 */
export async function savePage(
  tx: Tx,
  taken: TakenBackfill,
  { found, received, posted }: ComparedPage,
  next: string | null,
): Promise<number | null> {
  const { rows } = await tx.query<{ event_id: string }>(
    `insert into postern.backfill_events (backfill_id, event_id, outcome, type, occurred_at, event)
     select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::uuid[])
     on conflict do nothing returning event_id`,
    [
      taken.id,
      textArray(found.map((one) => one.eventId)),
      textArray(found.map((one) => one.outcome)),
      textArray(found.map((one) => one.type)),
      timestamptzArray(found.map((one) => one.at)),
      uuidTextArray(found.map((one) => one.event)),
    ],
  );
  const written = new Set(rows.map((row) => row.event_id));
  const fresh = found.filter((one) => written.has(one.eventId));
  const count = (...outcomes: readonly FoundEvent['outcome'][]): number =>
    fresh.filter((one) => outcomes.includes(one.outcome)).length;
  const gaps = fresh.filter((one) => one.gap).length;
  const saved = await tx.query<{ status: string }>(
    `update postern.backfills set cursor = $3, pages = pages + 1, attempts = 0, due_at = now(), error = null,
       issued = issued + $4 + $7 + $9, received = received + $4, posted = posted + $5, filled = filled + $6,
       missing = missing + $7, gaps = gaps + $8, conflicts = conflicts + $9,
       status = case when $3::text is null and status = 'running' then 'done' else status end,
       finished_at = case when $3::text is null then now() else finished_at end
     where id = $1 and lease = $2 and status in ('running', 'cancelled') returning status`,
    [
      taken.id,
      taken.lease,
      next,
      received,
      posted,
      count('filled'),
      count('filled', 'missing'),
      gaps,
      count('conflict'),
    ],
  );
  const status = saved.rows[0]?.status;
  if (status === 'done' && taken.scheduled) {
    await tx.query(
      `update postern.backfill_schedules s set compared_to = greatest(s.compared_to, b.to_at), last_done_at = now(),
         last_gaps = b.gaps, last_error = null
       from postern.backfills b where b.id = $1 and s.endpoint_id = b.endpoint_id`,
      [taken.id],
    );
  }
  return status === undefined ? null : gaps;
}

/** False where it was over already. */
export async function cancelBackfill(tx: Tx, id: string): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update postern.backfills set status = 'cancelled', finished_at = now() where id = $1 and status in ('queued', 'running')`,
    [id],
  );
  return rowCount === 1;
}

/**
 * Events (`e`) whose object the processor does not show: it knows none (a hint then ends without effect), or the key may not
 * read it. Nobody knows whether they are money, whatever their state.
 */
export const UNREADABLE = `((e.status = 'no_effect' and coalesce(e.reason, '') like '${OBJECT_MISSING}:%')
  or (e.status = 'dead' and e.error_code = '${OBJECT_MISSING}') or (e.status = 'deferred' and e.waiting_for = 'api_key'))`;

export type EventState = { readonly posted: boolean; readonly finished: boolean };

export async function selectStates(sql: Sql, events: readonly string[]): Promise<ReadonlyMap<string, EventState>> {
  const { rows } = await sql.query<EventState & { id: string }>(
    `select e.id, e.status = 'posted' as posted, e.status in ('posted', 'no_effect') and not ${UNREADABLE} as finished
     from postern.events e where e.id = any($1::uuid[])`,
    [uuidTextArray(events)],
  );
  return new Map(rows.map(({ id, ...state }) => [id, state]));
}

const LOOKED_AT = 1_000;

/** Of which accounts and types the events are that webhooks brought to an endpoint, as far as a thousand of them tell. */
export async function selectBrought(
  sql: Sql,
  endpointId: number,
): Promise<{ accounts: ReadonlySet<string>; types: ReadonlySet<string> }> {
  const { rows } = await sql.query<{ account: string; type: string }>(
    `select distinct e.account, e.type
     from (select account, type, delivery_id, received_at from postern.events where endpoint_id = $1 limit ${LOOKED_AT}) e
     left join postern.deliveries d on d.id = e.delivery_id and d.received_at = e.received_at
     where d.method is distinct from $2`,
    [endpointId, LISTED_METHOD],
  );
  return { accounts: new Set(rows.map((row) => row.account)), types: new Set(rows.map((row) => row.type)) };
}

/** Those of the effects that are in the ledger, told by other events than these. */
export async function selectPostedKeys(
  sql: Sql,
  effectKeys: readonly string[],
  exceptBy: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await sql.query<{ effect_key: string }>(
    `select effect_key from postern.transactions
     where effect_key = any($1::text[]) and (source_event is null or source_event <> all ($2::uuid[]))`,
    [textArray(effectKeys), uuidTextArray(exceptBy)],
  );
  return new Set(rows.map((row) => row.effect_key));
}
