import type { Sql } from '../postgres/sql.ts';

export type ReadinessFacts = {
  /** Names of the migrations that are applied. */
  readonly migrations: readonly string[];
  readonly queue: boolean;
  readonly durable: boolean;
  readonly writable: boolean;
  readonly daysAhead: number;
  /** How long the oldest event that is due waits, in seconds. */
  readonly oldestDueS: number;
};

/** What an instance must know of its database to say that it is ready: a walk along the end of an index at most. */
export async function selectReadiness(sql: Sql): Promise<ReadinessFacts> {
  const { rows } = await sql.query<{
    migrations: string[] | null;
    queue: boolean;
    durable: boolean;
    writable: boolean;
    days_ahead: number | null;
    oldest: number | null;
  }>(
    {
      name: 'api-readiness',
      text: `
select (select array_agg(name) from postern.migrations) as migrations,
  exists (select from pgboss.queue where name = 'events') as queue,
  current_setting('fsync') = 'on' and current_setting('full_page_writes') = 'on' as durable,
  not pg_is_in_recovery() and current_setting('transaction_read_only') = 'off' as writable,
  (select max(to_date(substring(c.relname from 12), 'YYYYMMDD')) - (now() at time zone 'utc')::date
   from pg_inherits i join pg_class c on c.oid = i.inhrelid
   where i.inhparent = 'postern.deliveries'::regclass) as days_ahead,
  (select extract(epoch from now() - coalesce(next_attempt_at, received_at))::float8 from postern.events
   where status = 'queued' order by coalesce(next_attempt_at, received_at) limit 1) as oldest`,
    },
    [],
  );
  const [row] = rows;
  return {
    migrations: row?.migrations ?? [],
    queue: row?.queue ?? false,
    durable: row?.durable ?? false,
    writable: row?.writable ?? false,
    daysAhead: row?.days_ahead ?? 0,
    oldestDueS: Math.max(0, row?.oldest ?? 0),
  };
}
