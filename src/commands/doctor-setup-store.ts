import type { Sql } from '../postgres/sql.ts';

/** What doctor reads of the server and the set-up. Nothing here writes. */
export type ServerFacts = {
  readonly now: Date;
  readonly in_recovery: boolean;
  readonly read_only: boolean;
  readonly encoding: string;
  readonly max_connections: number;
  /** Kept for superusers: nobody else gets them. */
  readonly reserved: number;
  readonly connections: number;
  readonly may_create_roles: boolean;
  readonly owns_schema: boolean;
  readonly bytes: bigint;
};

export async function readServerFacts(sql: Sql): Promise<ServerFacts | undefined> {
  const { rows } = await sql.query<ServerFacts>(
    `select clock_timestamp() as now, pg_is_in_recovery() as in_recovery,
       current_setting('default_transaction_read_only') = 'on' as read_only, current_setting('server_encoding') as encoding,
       current_setting('max_connections')::int as max_connections,
       current_setting('superuser_reserved_connections')::int as reserved,
       (select count(*)::int from pg_stat_activity where datname is not null) as connections,
       (select r.rolcreaterole or r.rolsuper from pg_roles r where r.rolname = session_user) as may_create_roles,
       (select pg_has_role(session_user, n.nspowner, 'usage') from pg_namespace n where n.nspname = 'postern') as owns_schema,
       pg_database_size(current_database()) as bytes`,
  );
  return rows[0];
}

/** The names of what was applied, the newest last. */
export async function readApplied(sql: Sql): Promise<string[]> {
  const { rows } = await sql.query<{ name: string }>('select name from postern.migrations order by name');
  return rows.map(({ name }) => name);
}

/** Bytes of the deliveries of a whole day: of the fullest of the last seven. */
export async function readBytesADay(sql: Sql): Promise<bigint> {
  const { rows } = await sql.query<{ bytes: bigint }>(
    `select coalesce(max(pg_total_relation_size(i.inhrelid)), 0)::int8 as bytes
     from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'postern.deliveries'::regclass and c.relname ~ '_[0-9]{8}$'
       and to_date(right(c.relname, 8), 'YYYYMMDD') between (now() at time zone 'utc')::date - 7 and (now() at time zone 'utc')::date`,
  );
  return rows[0]?.bytes ?? 0n;
}

export type UrlRow = { readonly provider: string; readonly name: string; readonly notification_url: string | null };

/** The addresses that are called: of enabled endpoints, so many at most. */
export async function readWebhookAddresses(sql: Sql): Promise<UrlRow[]> {
  const { rows } = await sql.query<UrlRow>(
    `select e.provider, e.name, e.settings ->> 'notification_url' as notification_url from postern.endpoints e
     where not e.disabled order by e.provider, e.name limit 1000`,
  );
  return rows;
}

/** By how much the latest events happened after they were received, in seconds: more than a little is a wrong clock of ours. */
export async function readFromTheFuture(sql: Sql): Promise<number> {
  const { rows } = await sql.query<{ seconds: number | null }>(
    `select percentile_cont(0.5) within group (order by extract(epoch from e.occurred_at - e.received_at))::float8 as seconds
     from (select occurred_at, received_at from postern.events order by id desc limit 200) as e
     where e.occurred_at is not null`,
  );
  return rows[0]?.seconds ?? 0;
}
