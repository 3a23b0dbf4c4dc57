import { UNREADABLE } from '../ingest/backfill-store.ts';
import type { Sql } from '../postgres/sql.ts';

export type BackfillRow = {
  readonly id: string;
  readonly provider: string;
  readonly endpoint: string;
  readonly status: string;
  readonly from_at: Date;
  readonly to_at: Date;
  readonly dry_run: boolean;
  readonly scheduled: boolean;
  readonly actor: string;
  readonly pages: number;
  readonly issued: bigint;
  readonly received: bigint;
  readonly posted: bigint;
  readonly missing: bigint;
  readonly filled: bigint;
  readonly gaps: bigint;
  readonly conflicts: bigint;
  readonly unreadable: bigint;
  readonly queued: bigint;
  readonly deferred: bigint;
  readonly dead: bigint;
  readonly error: string | null;
  readonly created_at: Date;
  readonly finished_at: Date | null;
};

export type BackfillFilter = {
  readonly id?: string | undefined;
  readonly provider?: string | undefined;
  readonly endpoint?: string | undefined;
};

/** Newest first. What became of the events that were not finished, or just taken in, is read as it is now. */
export async function selectBackfills(
  sql: Sql,
  filter: BackfillFilter,
  page: { before: string | null; limit: number },
): Promise<BackfillRow[]> {
  const { rows } = await sql.query<BackfillRow>(
    `select b.id, n.provider, n.name as endpoint, b.status, b.from_at, b.to_at, b.dry_run, b.scheduled, b.actor, b.pages, b.issued,
       b.received, b.posted + s.posted as posted, b.missing, b.filled - s.failed as filled, b.gaps, b.conflicts, s.unreadable, s.queued, s.deferred, s.dead, b.error,
       b.created_at, b.finished_at
     from postern.backfills b
     join postern.endpoints n on n.id = b.endpoint_id
     cross join lateral (
       select count(*) filter (where e.status = 'posted') as posted, count(*) filter (where e.status = 'queued') as queued,
         count(*) filter (where e.status = 'deferred' and not u.unreadable) as deferred,
         count(*) filter (where e.status = 'dead' and not u.unreadable) as dead,
         count(*) filter (where u.unreadable) as unreadable,
         count(*) filter (where f.outcome = 'filled' and (e.status = 'dead' or u.unreadable)) as failed
       from postern.backfill_events f join postern.events e on e.id = f.event
       cross join lateral (select ${UNREADABLE} as unreadable) u
       where f.backfill_id = b.id and f.outcome in ('filled', 'unfinished')
     ) s
     where ($1::uuid is null or b.id = $1) and ($2::text is null or n.provider = $2) and ($3::text is null or n.name = $3)
       and ($4::uuid is null or b.id < $4)
     order by b.id desc limit $5`,
    [filter.id ?? null, filter.provider ?? null, filter.endpoint ?? null, page.before, page.limit],
  );
  return rows;
}

export type BackfillEventRow = {
  readonly event_id: string;
  readonly type: string;
  readonly outcome: string;
  readonly occurred_at: Date | null;
  readonly event: string | null;
  readonly status: string | null;
  /** Why it is not posted, where it is not. */
  readonly reason: string | null;
};

export async function selectBackfillEvents(
  sql: Sql,
  backfillId: string,
  page: { after: string | null; limit: number },
): Promise<BackfillEventRow[]> {
  const { rows } = await sql.query<BackfillEventRow>(
    `select f.event_id, f.type, f.outcome, f.occurred_at, f.event, e.status, case when e.status <> 'posted' then coalesce(e.error_message, e.reason) end as reason
     from postern.backfill_events f left join postern.events e on e.id = f.event
     where f.backfill_id = $1 and ($2::text is null or f.event_id > $2) order by f.event_id limit $3`,
    [backfillId, page.after, page.limit],
  );
  return rows;
}
