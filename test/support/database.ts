import pg from 'pg';
import { inject } from 'vitest';
import { createLog, type Log } from '../../src/log.ts';
import { withDatabase, withSettings } from '../../src/postgres/address.ts';
import { createPools, type Pools } from '../../src/postgres/pools.ts';
import { type Sql, sqlOf, sqlTypes } from '../../src/postgres/sql.ts';

export type TestDatabase = {
  /** What a gateway would be given as DATABASE_URL. */
  url: string;
  name: string;
  /** As the server's superuser: to look at everything and to do what nobody may. */
  sql: Sql;
  /** As `postern_app`: what the running gateway may do. */
  app: Sql;
  /** The pool behind `app`, for withTransaction. */
  appPool: pg.Pool;
  log: Log;
  /** A gateway's pools; ended by `drop` if the test did not. */
  pools(): Pools;
  /** Ends what came from here and drops the database. Throws when connections of others remain: a leak in what was tested. */
  drop(): Promise<void>;
};

let made = 0;

/**
 * A clone of the migrated template, for one test file (`beforeAll`, `afterAll(() => database.drop())`); or of another test's
 * database, whose idle connections end.
 */
export async function createTestDatabase({
  migrated = true,
  like,
}: {
  migrated?: boolean;
  like?: TestDatabase;
} = {}): Promise<TestDatabase> {
  const { superuserUrl, loginUrl, login, template } = inject('postgres');
  made += 1;
  const name = `${template}_${process.pid}_${made}`;
  const source = like?.name ?? (migrated ? template : 'template0');
  await asSuperuser(superuserUrl, async (client) => {
    if (like !== undefined)
      await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [like.name]);
    await client.query(`create database ${name} template ${source} owner "${login}"`);
  });
  const url = withDatabase(loginUrl, name);
  // Without just-in-time compilation, as the gateway's own pools.
  const superuser = poolOf(withSettings(withDatabase(superuserUrl, name), { jit: 'off' }));
  const appPool = poolOf(withSettings(url, { role: 'postern_app', timezone: 'UTC', jit: 'off' }));
  const log = createLog('silent');
  const allPools: { pools: Pools; ended: boolean }[] = [];
  return {
    url,
    name,
    sql: sqlOf(superuser),
    app: sqlOf(appPool),
    appPool,
    log,
    pools() {
      const pools = createPools(url, { log, role: 'postern_app' });
      const entry = { pools, ended: false };
      allPools.push(entry);
      return {
        ...pools,
        async end() {
          entry.ended = true;
          await pools.end();
        },
      };
    },
    async drop() {
      for (const entry of allPools) if (!entry.ended) await entry.pools.end();
      await Promise.all([superuser.end(), appPool.end()]);
      const left = await asSuperuser(superuserUrl, async (client) => {
        const remaining = await remainingConnections(client, name);
        await client.query(`drop database ${name} with (force)`);
        return remaining;
      });
      if (left.length > 0) throw new Error(`connections left open at the end of the test file: ${left.join(', ')}`);
    },
  };
}

function poolOf(connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString, max: 4, application_name: 'test', types: sqlTypes });
  pool.on('error', () => undefined);
  return pool;
}

async function asSuperuser<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'test superuser' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** A closed connection's server process ends a moment later, hence some patience. */
async function remainingConnections(client: pg.Client, name: string): Promise<string[]> {
  for (let attempt = 0; ; attempt += 1) {
    const { rows } = await client.query<{ who: string }>(
      `select application_name || ' (' || coalesce(state, '') || ': ' || left(query, 80) || ')' as who
       from pg_stat_activity where datname = $1 and backend_type = 'client backend'`,
      [name],
    );
    if (rows.length === 0 || attempt >= 40) return rows.map((row) => row.who);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
