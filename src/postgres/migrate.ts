import type pg from 'pg';
import { messageOf, PosternError } from '../errors.ts';
import type { Log } from '../log.ts';
import { describeAddress, withSettings } from './address.ts';
import { BOSS_SCHEMA, createMigratingBoss, EVENTS_QUEUE, EVENTS_QUEUE_OPTIONS } from './boss.ts';
import { checkSchema } from './check-schema.ts';
import { connectWaiting } from './connect.ts';
import { ADVISORY_LOCK } from './locks.ts';
import { type Migration, readMigrations } from './migration-files.ts';
import { APP_ROLE, ensureRoles, OWNER_ROLE } from './roles.ts';
import { readSchemaState } from './schema-state.ts';
import { sqlStateOf } from './sql.ts';

export type Migrated = {
  /** What every connection of the gateway runs as; null where the login may not have roles. */
  role: typeof APP_ROLE | null;
  /** Why there are no roles, for `doctor`. */
  limited: string | null;
  serverVersion: number;
  applied: string[];
};

export type MigrateOptions = {
  url: string;
  log: Log;
  /** How long an unreachable server is tried. */
  waitS?: number;
  migrations?: readonly Migration[];
  /** `check` (MIGRATE=off): changes nothing, and refuses an older schema. */
  only?: 'apply' | 'check';
};

const OTHERS_WAIT_MS = 60_000;
const OTHERS_LOOK_MS = 100;
const LOCK_TIMEOUT_MS = 2_000;
const LOCK_ATTEMPTS = 15;

/**
 * Brings the database to this release: roles, the schema, our numbered files, then pg-boss's. One at a time by advisory
 * lock; others wait up to 60 s and then find nothing to do.
 */
export async function migrate({
  url,
  log,
  waitS = 10,
  migrations = readMigrations(),
  only = 'apply',
}: MigrateOptions): Promise<Migrated> {
  if (only === 'check') return { ...(await checkSchema(url, { waitS, migrations })), applied: [] };
  const { client, serverVersion } = await connectWaiting(url, { waitS, applicationName: 'postern migrate' });
  try {
    await takeLock(client, url);
    const roles = await ensureRoles(client);
    const role = roles.kind === 'roles' ? APP_ROLE : null;
    if (roles.kind === 'none')
      log.warn({ reason: roles.reason }, 'this login may not have roles: only triggers protect the ledger');
    const owner = role === null ? 'current_user' : OWNER_ROLE;
    await ensureSchemas(client, owner);
    await ensureMigrationsTable(client, role);
    const applied: string[] = [];
    for (const migration of await pendingMigrations(client, migrations)) {
      await applyWithRetries(client, migration, role !== null);
      applied.push(migration.name);
      log.info({ migration: migration.name }, 'migrated');
    }
    await migrateBoss(client, url, role, log);
    return { role, limited: roles.kind === 'none' ? roles.reason : null, serverVersion, applied };
  } finally {
    // Ends the session and with it the lock.
    await client.end();
  }
}

/**
 * Asks again and again instead of waiting inside `pg_advisory_lock`: a statement that waits holds a snapshot, for which a
 * `create index concurrently` of the one who migrates would wait in turn, and Postgres would end one of the two (40P01).
 */
async function takeLock(client: pg.Client, url: string): Promise<void> {
  const deadline = performance.now() + OTHERS_WAIT_MS;
  for (;;) {
    const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [
      ADVISORY_LOCK.migrate,
    ]);
    if (rows[0]?.locked === true) break;
    if (performance.now() > deadline) {
      throw new PosternError(
        'database_schema',
        `another process has been migrating ${describeAddress(url)} for over ${OTHERS_WAIT_MS / 1_000} s; wait for it or end it`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, OTHERS_LOOK_MS));
  }
  await client.query(`set lock_timeout = ${LOCK_TIMEOUT_MS}`);
}

async function ensureSchemas(client: pg.Client, owner: string): Promise<void> {
  for (const schema of ['postern', BOSS_SCHEMA]) {
    try {
      await client.query(`create schema if not exists ${schema} authorization ${owner}`);
    } catch (error) {
      if (sqlStateOf(error) !== '42501') throw error;
      throw new PosternError(
        'database_schema',
        `the login of DATABASE_URL may not make the schema "${schema}": grant it create on the database, or make the schema for it`,
        { cause: error },
      );
    }
  }
}

async function ensureMigrationsTable(client: pg.Client, role: string | null): Promise<void> {
  await client.query('begin');
  if (role !== null) await client.query(`set local role ${OWNER_ROLE}`);
  await client.query(`
    create table if not exists postern.migrations (
      name       text primary key,
      sha256     text not null,
      release    integer not null,
      applied_at timestamptz not null default now()
    )`);
  await client.query(`grant select on postern.migrations to ${role ?? 'current_user'}`);
  if (role !== null) await client.query(`grant usage on schema postern to ${role}`);
  await client.query('commit');
}

async function pendingMigrations(client: pg.Client, migrations: readonly Migration[]): Promise<Migration[]> {
  const state = await readSchemaState(client, migrations);
  switch (state.kind) {
    case 'current':
      return [];
    case 'older':
      return state.pending;
    case 'refused':
      throw new PosternError('database_schema', state.reason);
  }
}

async function applyWithRetries(client: pg.Client, migration: Migration, roles: boolean): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await apply(client, migration, roles);
      return;
    } catch (error) {
      // A busy gateway of the previous release holds the table: giving up after 2 s and coming back lets it go on,
      // where waiting in the lock's queue would stop everybody behind us. A deadlock is tried again too: 0.1.0 waits for
      // our lock in a statement, and an index made concurrently waits for that statement.
      if (['55P03', '40P01'].includes(sqlStateOf(error) ?? '') && attempt < LOCK_ATTEMPTS) {
        await new Promise((resolve) => setTimeout(resolve, 200 * attempt));
        continue;
      }
      throw new PosternError('database_schema', `the migration ${migration.name} failed: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
}

async function apply(client: pg.Client, migration: Migration, roles: boolean): Promise<void> {
  // Without roles of our own everything belongs to the login, and grants go to it.
  const text = roles ? migration.text : migration.text.replaceAll(/\b(postern_owner|postern_app)\b/g, 'current_user');
  const note = {
    text: 'insert into postern.migrations (name, sha256, release) values ($1, $2, $3)',
    values: [migration.name, migration.sha256, migration.release],
  };
  if (!migration.transaction) {
    if (roles) await client.query(`set role ${OWNER_ROLE}`);
    try {
      await dropInvalidIndexes(client);
      // One by one: several statements in one message would be one transaction. Each must be safe to run again.
      for (const statement of text.split(/;[ \t]*$/m)) if (statement.trim() !== '') await client.query(statement);
      await client.query(note);
    } finally {
      await client.query('reset role');
    }
    return;
  }
  await client.query('begin');
  try {
    if (roles) await client.query(`set local role ${OWNER_ROLE}`);
    await client.query(text);
    await client.query(note);
    const { command } = await client.query('commit');
    if (command !== 'COMMIT') throw new Error(`the transaction ended with ${command}`);
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

/**
 * An index whose concurrent making was broken off (a kill, our own lock timeout) stays behind, unused and incomplete, and
 * `create index concurrently if not exists` would take it for done.
 */
async function dropInvalidIndexes(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name
     from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'postern' and c.relkind = 'i' and not i.indisvalid`,
  );
  for (const { name } of rows) await client.query(`drop index concurrently if exists ${name}`);
}

async function migrateBoss(client: pg.Client, url: string, role: string | null, log: Log): Promise<void> {
  const boss = createMigratingBoss(withSettings(url, role === null ? {} : { role: OWNER_ROLE }), log);
  try {
    await boss.start();
    if ((await boss.getQueue(EVENTS_QUEUE)) === null) await boss.createQueue(EVENTS_QUEUE, EVENTS_QUEUE_OPTIONS);
  } catch (error) {
    throw new PosternError('database_schema', `pg-boss's schema could not be brought up to date: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    await boss.stop({ graceful: false });
  }
  await client.query('begin');
  if (role !== null) await client.query(`set local role ${OWNER_ROLE}`);
  const { rows } = await client.query<{ table_name: string }>(
    `select table_name from ${BOSS_SCHEMA}.queue where name = $1`,
    [EVENTS_QUEUE],
  );
  const table = rows[0]?.table_name;
  if (table !== undefined) {
    // Every job is inserted, taken, finished and deleted within the hour: the default waits for a fifth of a table of
    // dead rows, and fetching slows down with each of them.
    await client.query(
      `alter table ${BOSS_SCHEMA}.${table} set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
         autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0, fillfactor = 70)`,
    );
  }
  if (role !== null) {
    await client.query(`grant usage on schema ${BOSS_SCHEMA} to ${role}`);
    await client.query(`grant select, insert, update, delete on all tables in schema ${BOSS_SCHEMA} to ${role}`);
    await client.query(`grant usage on all sequences in schema ${BOSS_SCHEMA} to ${role}`);
    // For the tables and partitions that later releases of pg-boss or later queues bring.
    await client.query(
      `alter default privileges in schema ${BOSS_SCHEMA} grant select, insert, update, delete on tables to ${role}`,
    );
    await client.query(`alter default privileges in schema ${BOSS_SCHEMA} grant usage on sequences to ${role}`);
  }
  await client.query('commit');
}
