import type pg from 'pg';
import { type ConstructorOptions, PgBoss, type Queue } from 'pg-boss';
import type { Log } from '../log.ts';

export const BOSS_SCHEMA = 'pgboss';
export const EVENTS_QUEUE = 'events';

/**
 * pg-boss's own retry is there for a worker that died, nothing else: our retries are new jobs, and the event row is the
 * truth. Its defaults would delete a queued job after 14 days and bring a dead worker's back after 15 minutes.
 */
export const EVENTS_QUEUE_OPTIONS = {
  partition: true,
  expireInSeconds: 15,
  // Small, not 0: 0 would mean never deleted.
  deleteAfterSeconds: 3_600,
  retentionSeconds: 10 * 365 * 24 * 3_600,
  retryLimit: 1_000,
  retryDelay: 0,
  retryBackoff: false,
} as const satisfies Omit<Queue, 'name'>;

const SHARED_OPTIONS = {
  schema: BOSS_SCHEMA,
  createSchema: false,
  schedule: false,
  // Rebuilding an index needs its owner; the gateway runs as postern_app.
  reindex: false,
  persistQueueStats: false,
  persistWarnings: false,
} as const satisfies Partial<ConstructorOptions>;

/**
 * The queue for a running gateway: over its own pool, without the right to change its schema. `supervise` (bringing back
 * what dead workers held, deleting what is done) belongs to processes that work; `serve` only inserts.
 */
export function createBoss(pool: pg.Pool, log: Log, { supervise = true }: { supervise?: boolean } = {}): PgBoss {
  const boss = new PgBoss({
    ...SHARED_OPTIONS,
    db: rawDatabase(pool),
    migrate: false,
    supervise,
    // The defaults (60 and 900 s) would leave a killed worker's jobs for a quarter of an hour.
    superviseIntervalSeconds: 5,
    monitorIntervalSeconds: 5,
  });
  listenTo(boss, log);
  return boss;
}

/** The queue for `migrate`: its own connection with the owner's rights, no background work. */
export function createMigratingBoss(connectionString: string, log: Log): PgBoss {
  const boss = new PgBoss({
    ...SHARED_OPTIONS,
    connectionString,
    application_name: 'postern migrate',
    max: 1,
    migrate: true,
    supervise: false,
    registerInstance: false,
  });
  listenTo(boss, log);
  return boss;
}

/** pg-boss wants pg's results as they are: several statements in one text answer with an array of results. */
function rawDatabase(pool: pg.Pool): { executeSql(text: string, values?: unknown[]): Promise<pg.QueryResult> } {
  return { executeSql: (text, values) => pool.query(text, values) };
}

function listenTo(boss: PgBoss, log: Log): void {
  // An 'error' event without a listener ends the process.
  boss.on('error', (error) => log.warn({ err: error }, 'pg-boss reported an error'));
  boss.on('warning', (warning) => log.warn({ warning: warning.message }, 'pg-boss warns'));
}
