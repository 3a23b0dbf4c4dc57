import type { Sql } from '../postgres/sql.ts';

export async function selectHousekeeping(
  sql: Sql,
): Promise<Map<string, { lastRunAt: Date; lastError: string | null; lastSuccessAt: Date | null }>> {
  const { rows } = await sql.query<{
    name: string;
    last_run_at: Date;
    last_error: string | null;
    last_success_at: Date | null;
  }>('select name, last_run_at, last_error, last_success_at from postern.housekeeping_runs');
  return new Map(
    rows.map((row) => [
      row.name,
      { lastRunAt: row.last_run_at, lastError: row.last_error, lastSuccessAt: row.last_success_at },
    ]),
  );
}

/** What `ready` asks of the database, in one question. */
export async function selectReadiness(
  sql: Sql,
): Promise<{ migrations: number; queue: boolean; durable: boolean; daysAhead: number }> {
  const { rows } = await sql.query<{ migrations: bigint; queue: boolean; durable: boolean; days_ahead: number | null }>(
    {
      name: 'api-readiness',
      text: `
select (select count(*) from postern.migrations) as migrations,
  exists (select from pgboss.queue where name = 'events') as queue,
  current_setting('fsync') = 'on' and current_setting('full_page_writes') = 'on' as durable,
  (select max(to_date(substring(c.relname from 12), 'YYYYMMDD')) - (now() at time zone 'utc')::date
   from pg_inherits i join pg_class c on c.oid = i.inhrelid
   where i.inhparent = 'postern.deliveries'::regclass) as days_ahead`,
    },
    [],
  );
  const [row] = rows;
  return {
    migrations: Number(row?.migrations ?? 0),
    queue: row?.queue ?? false,
    durable: row?.durable ?? false,
    daysAhead: row?.days_ahead ?? 0,
  };
}
