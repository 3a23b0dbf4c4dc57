import type { EndpointRow } from '../endpoints/endpoint-store.ts';
import type { Sql } from '../postgres/sql.ts';

/** What doctor reads of the database. Nothing here writes. */

export type DatabaseFacts = {
  readonly version: string;
  readonly version_num: number;
  readonly login: string;
  readonly role: string;
  readonly fsync: string;
  readonly full_page_writes: string;
  readonly synchronous_commit: string;
};

export async function readDatabaseFacts(sql: Sql): Promise<DatabaseFacts | undefined> {
  const result = await sql.query<DatabaseFacts>(
    `select current_setting('server_version') as version, current_setting('server_version_num')::int as version_num,
       session_user::text as login, current_user::text as role, current_setting('fsync') as fsync,
       current_setting('full_page_writes') as full_page_writes, current_setting('synchronous_commit') as synchronous_commit`,
  );
  return result.rows[0];
}

/** Which may only grow, and what keeps them so: `writable` for the running role, `trigger` against everybody. */
export const LEDGER_TABLES = ['transactions', 'postings', 'seal', 'seal_nodes', 'audit_log'] as const;

export type TableProtection = { readonly name: string; readonly writable: boolean; readonly trigger: boolean };

export async function readTableProtection(sql: Sql): Promise<TableProtection[]> {
  const result = await sql.query<TableProtection>(
    `select c.relname::text as name,
       has_table_privilege(c.oid, 'insert, update, delete, truncate') as writable,
       -- 2 before, 8 delete, 16 update, 32 truncate (pg_trigger.tgtype)
       coalesce((select bit_or(t.tgtype::int) & 58 = 58 from pg_trigger t
         where t.tgrelid = c.oid and not t.tgisinternal and t.tgenabled in ('O', 'A') and t.tgtype::int & 2 = 2), false) as trigger
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'postern' and c.relname = any($1::text[]) order by c.relname`,
    [LEDGER_TABLES],
  );
  return result.rows;
}

/** Whole days from today for which there is a partition. */
export async function readPartitionDaysAhead(sql: Sql): Promise<number> {
  const result = await sql.query<{ days: number }>(
    `select coalesce(max(to_date(right(c.relname, 8), 'YYYYMMDD') - (now() at time zone 'utc')::date), -1)::int as days
     from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'postern.deliveries'::regclass and c.relname ~ '_[0-9]{8}$'`,
  );
  return result.rows[0]?.days ?? -1;
}

export type RetentionFacts = {
  /** Days in the partitions, of those that have come. */
  readonly days: number;
  readonly oldest: string | null;
  /** Begun, and not dropped yet: their deliveries are not seen any more. */
  readonly half_done: readonly string[];
  readonly kept: bigint;
  readonly removed: bigint;
};

export async function readRetentionFacts(sql: Sql): Promise<RetentionFacts> {
  const result = await sql.query<RetentionFacts>(
    `with days as (
       select to_date(right(c.relname, 8), 'YYYYMMDD') as day, i.inhrelid is not null and not i.inhdetachpending as attached
       from pg_class c left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = 'postern.deliveries'::regclass
       where c.relnamespace = 'postern'::regnamespace and c.relkind = 'r' and c.relname ~ '^deliveries_[0-9]{8}$'
     )
     select count(*) filter (where attached)::int as days, min(day) filter (where attached)::text as oldest,
       coalesce(array_agg(day::text order by day) filter (where not attached), '{}') as half_done,
       (select count(*) from postern.deliveries_kept) as kept,
       (select count(*) from postern.removed_days where removed_at is not null) as removed
     from days where day <= (now() at time zone 'utc')::date`,
  );
  return result.rows[0] ?? { days: 0, oldest: null, half_done: [], kept: 0n, removed: 0n };
}

export type QueueFacts = { readonly waiting: number; readonly oldest_s: number; readonly dead: number };

export async function readQueueFacts(sql: Sql): Promise<QueueFacts> {
  const result = await sql.query<QueueFacts>(
    `select count(*)::int as waiting,
       coalesce(extract(epoch from now() - min(coalesce(next_attempt_at, received_at))), 0)::float8 as oldest_s,
       (select count(*)::int from postern.events where status = 'dead') as dead
     from postern.events where status = 'queued' and coalesce(next_attempt_at, received_at) <= now()`,
  );
  return result.rows[0] ?? { waiting: 0, oldest_s: 0, dead: 0 };
}

/** Endpoints without a mode that received live and test events alike. */
export async function readMixedEndpoints(sql: Sql): Promise<string[]> {
  const result = await sql.query<{ name: string }>(
    `select e.provider || '/' || e.name as name from postern.endpoints e
     where e.settings ->> 'mode' is null
       and exists (select 1 from postern.events v where v.endpoint_id = e.id and v.live)
       and exists (select 1 from postern.events v where v.endpoint_id = e.id and not v.live)
     order by 1 limit 100`,
  );
  return result.rows.map(({ name }) => name);
}

/** Enabled endpoints of providers that need a secret, without one that is valid now. */
export async function readSecretlessEndpoints(sql: Sql, without: readonly string[]): Promise<string[]> {
  const result = await sql.query<{ name: string }>(
    `select e.provider || '/' || e.name as name from postern.endpoints e
     where not e.disabled and not e.provider = any($1::text[])
       and not exists (select 1 from postern.endpoint_secrets s where s.endpoint_id = e.id
         and coalesce(s.not_before, '-infinity') <= now() and coalesce(s.not_after, 'infinity') > now())
     order by 1 limit 100`,
    [without],
  );
  return result.rows.map(({ name }) => name);
}

export type RollingSecret = {
  /** `provider/name`. */
  readonly endpoint: string;
  readonly id: string;
  readonly not_before: Date | null;
  readonly not_after: Date | null;
  readonly last_used_at: Date | null;
  readonly created_at: Date;
};

/** All secrets of the enabled endpoints that have several, or one that ends; of so many endpoints at most. */
export async function readRollingSecrets(sql: Sql): Promise<RollingSecret[]> {
  const result = await sql.query<RollingSecret>(
    `select e.provider || '/' || e.name as endpoint, s.id, s.not_before, s.not_after, s.last_used_at, s.created_at
     from postern.endpoint_secrets s join postern.endpoints e on e.id = s.endpoint_id
     where s.endpoint_id in (select m.endpoint_id from postern.endpoint_secrets m join postern.endpoints n on n.id = m.endpoint_id
       where not n.disabled group by 1 having count(*) > 1 or count(m.not_after) > 0 order by 1 limit 1000)
     order by s.endpoint_id, s.created_at, s.id`,
  );
  return result.rows;
}

export type RefusingEndpoint = {
  readonly name: string;
  readonly rejected: bigint;
  readonly accepted: bigint;
  /** The most frequent one. */
  readonly reason: string;
};

/** Endpoints that refused more than they took in the last hour. */
export async function readRefusingEndpoints(sql: Sql): Promise<RefusingEndpoint[]> {
  const result = await sql.query<RefusingEndpoint>(
    `with refusing as (
       select m.endpoint_id, sum(m.rejected)::int8 as rejected, sum(m.accepted)::int8 as accepted
       from postern.endpoint_minutes m where m.minute > now() - interval '1 hour'
       group by 1 having sum(m.rejected) > sum(m.accepted)
     )
     select e.provider || '/' || e.name as name, f.rejected, f.accepted,
       coalesce((select r.reason from postern.rejected_minutes r
         where r.endpoint_id = f.endpoint_id and r.minute > now() - interval '1 hour'
         group by r.reason order by sum(r.requests) desc, r.reason limit 1), 'unknown') as reason
     from refusing f join postern.endpoints e on e.id = f.endpoint_id
     order by 1 limit 100`,
  );
  return result.rows;
}

export type ListingRow = Pick<EndpointRow, 'id' | 'provider' | 'name' | 'settings' | 'sealed'> & {
  /** Why its scheduled backfills get no further; null while they do. */
  readonly error: string | null;
  /** Since when. */
  readonly since: Date | null;
};

/** Enabled endpoints of these providers, so many at most: one whose backfill was told to wait a moment ago is well. */
export async function readListingEndpoints(sql: Sql, providers: readonly string[]): Promise<ListingRow[]> {
  const result = await sql.query<ListingRow>(
    `select e.id, e.provider, e.name, e.settings, e.sealed, coalesce(s.last_error, waiting.error) as error,
       least(failed.since, waiting.since) as since
     from postern.endpoints e
     left join postern.backfill_schedules s on s.endpoint_id = e.id
     left join lateral (
       select min(b.finished_at) as since from postern.backfills b
       where b.endpoint_id = e.id and b.scheduled and b.status = 'failed' and s.last_error is not null
         and b.finished_at > coalesce(s.last_done_at, '-infinity')
     ) failed on true
     left join lateral (
       select b.error, b.created_at as since from postern.backfills b
       where b.endpoint_id = e.id and b.scheduled and b.status in ('queued', 'running') and b.error is not null
         and b.created_at < now() - interval '1 hour'
       limit 1
     ) waiting on true
     where not e.disabled and e.provider = any($1::text[])
     order by e.provider, e.name limit 1000`,
    [providers],
  );
  return result.rows;
}

export async function readFailedHousekeeping(sql: Sql): Promise<{ name: string; last_error: string }[]> {
  const result = await sql.query<{ name: string; last_error: string }>(
    'select name, last_error from postern.housekeeping_runs where last_error is not null order by name limit 100',
  );
  return result.rows;
}

export type EndpointCount = {
  readonly endpoint: string;
  /** Items answered with 2xx, as intake counted them. */
  readonly accepted: bigint;
  readonly events: bigint;
  readonly duplicates: bigint;
  /** Items whose event row is past its horizon and was forgotten. */
  readonly forgotten: bigint;
  readonly queued: bigint;
  readonly posted: bigint;
  readonly no_effect: bigint;
  readonly deferred: bigint;
  readonly dead: bigint;
};

/** The exact sums: every row is read, so this takes its time on a large table. */
export async function countExactly(sql: Sql): Promise<EndpointCount[]> {
  const result = await sql.query<EndpointCount>(
    `with told as (
       select endpoint_id, sum(accepted)::int8 as accepted, sum(forgotten)::int8 as forgotten from postern.endpoint_minutes group by 1
     ), kept as (
       select endpoint_id, count(*) as events, sum(duplicates)::int8 as duplicates,
         count(*) filter (where status = 'queued') as queued, count(*) filter (where status = 'posted') as posted,
         count(*) filter (where status = 'no_effect') as no_effect, count(*) filter (where status = 'deferred') as deferred,
         count(*) filter (where status = 'dead') as dead
       from postern.events group by 1
     )
     select e.provider || '/' || e.name as endpoint, coalesce(told.accepted, 0) as accepted, coalesce(events, 0) as events,
       coalesce(duplicates, 0) as duplicates, coalesce(told.forgotten, 0) as forgotten, coalesce(queued, 0) as queued, coalesce(posted, 0) as posted,
       coalesce(no_effect, 0) as no_effect, coalesce(deferred, 0) as deferred, coalesce(dead, 0) as dead
     from postern.endpoints e left join told on told.endpoint_id = e.id left join kept on kept.endpoint_id = e.id
     order by 1`,
  );
  return result.rows;
}
