import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import type { Sql } from '../../src/postgres/sql.ts';
import type { EndpointSettings, Provider } from '../../src/providers/provider.ts';
import type { TestDatabase } from './database.ts';
import { eventually } from './eventually.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';

const DAY_MS = 86_400_000;

/** What retention is told to keep in these tests. */
export const RETENTION_DAYS = 40;

/** The database as it is after months of running: days long ago, with deliveries in them. */
export type OldDays = {
  readonly endpoints: Endpoint[];
  newEndpoint(provider: Provider, settings?: EndpointSettings): Promise<Endpoint>;
  /** Delivers as it was so many days ago, and works it then if asked to. */
  ago(days: number, work: (past: Pipeline) => Promise<void>, options?: { readonly worked?: boolean }): Promise<void>;
  /** A pipeline of today with retention on. */
  today(): Promise<Pipeline>;
};

export function createOldDays(database: TestDatabase): OldDays {
  const endpoints: Endpoint[] = [];
  return {
    endpoints,
    async newEndpoint(provider, settings = {}) {
      const name = `e${endpoints.length + 1}`;
      const { rows } = await database.sql.query<{ id: number }>(
        'insert into postern.endpoints (provider, name, account) values ($1, $2, $2) returning id',
        [provider.name, name],
      );
      const endpoint = { id: rows[0]?.id ?? 0, provider, name, account: name, settings, disabled: false, secrets: [] };
      endpoints.push(endpoint);
      return endpoint;
    },
    async ago(days, work, { worked = true } = {}) {
      await database.sql.query(
        `select postern.ensure_delivery_partitions(1, (now() at time zone 'utc')::date - $1::int)`,
        [days],
      );
      const clock = { now: () => Date.now() - days * DAY_MS };
      const past = await createPipeline(database, () => endpoints, { clock });
      if (worked) past.worker.start();
      await work(past);
      if (worked) await nothingQueued(database.sql);
      await past.stop();
    },
    today: () => createPipeline(database, () => endpoints, { retentionDays: RETENTION_DAYS }),
  };
}

export async function nothingQueued(sql: Sql): Promise<void> {
  await eventually(
    async () => {
      const { rows } = await sql.query(`select id from postern.events where status = 'queued'`);
      if (rows.length > 0) throw new Error(`${rows.length} events are queued still`);
    },
    { timeoutMs: 10_000 },
  );
}

/** The tables of days past the retention, with what they are. */
export async function oldTables(sql: Sql): Promise<Record<string, string>> {
  const { rows } = await sql.query<{ name: string; state: string }>(
    `select c.relname::text as name, case when i.inhrelid is null then 'detached'
       when i.inhdetachpending then 'pending' else 'attached' end as state
     from pg_class c left join pg_inherits i on i.inhrelid = c.oid
     where c.relnamespace = 'postern'::regnamespace and c.relkind = 'r' and c.relname ~ '^deliveries_[0-9]{8}$'
       and to_date(right(c.relname, 8), 'YYYYMMDD') < (now() at time zone 'utc')::date - $1::int`,
    [RETENTION_DAYS],
  );
  return Object.fromEntries(rows.map((row) => [row.name, row.state]));
}

export async function lastError(sql: Sql): Promise<string | null | undefined> {
  const { rows } = await sql.query<{ last_error: string | null }>(
    `select last_error from postern.housekeeping_runs where name = 'remove_bodies'`,
  );
  return rows[0]?.last_error;
}

/** The table of the day so long ago. */
export function tableOf(daysAgo: number): string {
  return `deliveries_${new Date(Date.now() - daysAgo * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '')}`;
}
