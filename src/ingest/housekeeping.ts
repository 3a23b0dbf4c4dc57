import type pg from 'pg';
import type { Clock } from '../clock.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { messageOf, PosternError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { type Sql, sqlOf, sqlStateOf, type Tx, withTransaction } from '../postgres/sql.ts';
import type { Provider } from '../providers/provider.ts';
import { uuidv7 } from '../uuid.ts';
import { appraiseQueue } from './appraise-queue.ts';
import { removeOldBodies } from './body-removal.ts';
import { MEASURE_HOURS, measureHours } from './endpoint-hours-store.ts';
import { forgetEvents } from './event-forgetting.ts';
import { ensurePartitions, isVerifyDue, lockTask, lockTaskInSession, noteRun } from './housekeeping-store.ts';
import { LAST_TRY } from './interpret.ts';
import type { JobQueue } from './job-queue.ts';
import { forgetMinutes } from './minutes-store.ts';
import { forgetQuarantined } from './quarantine/quarantine-store.ts';
import { VERIFY_BOOKS, verifyBooks } from './verify-books.ts';
import { wakeParked } from './wake-parked.ts';
import { wakeWaiting } from './wake-waiting.ts';
import { requeueExpired, sweepQueued } from './work-store.ts';

/** The task that reckons open items anew. */
const COMPARE_ITEMS = 'compare_items';

/** The tasks by name, with how often: for the runner, and for whoever shows when they last ran. */
export const HOUSEKEEPING = [
  { name: 'sweep_queued', intervalS: 15 },
  { name: 'requeue_expired', intervalS: 15 },
  { name: 'wake_parked', intervalS: 15 },
  { name: 'make_partitions', intervalS: 3_600 },
  { name: 'forget_minutes', intervalS: 3_600 },
  { name: 'remove_bodies', intervalS: 3_600 },
  { name: 'forget_events', intervalS: 30 },
  { name: MEASURE_HOURS, intervalS: 60 },
  { name: 'appraise_queue', intervalS: 10 },
  { name: VERIFY_BOOKS, intervalS: 86_400 },
  { name: 'forget_quarantined', intervalS: 60 },
  { name: COMPARE_ITEMS, intervalS: 86_400 },
  { name: 'clear_imports', intervalS: 60 },
  { name: 'forget_fetches', intervalS: 3_600 },
] as const;

type TaskName = (typeof HOUSEKEEPING)[number]['name'];

/** A task's limited turn: inside one transaction that holds the task's lock, or in a session of the owner's that does. */
type Turn =
  | { readonly inTransaction: (tx: Tx) => Promise<void> }
  | { readonly asOwner: (session: Sql) => Promise<void> }
  /** Seldom and long: false where it is not due. */
  | { readonly ifDue: (session: Sql) => Promise<boolean> };

export type Housekeeping = {
  start(): void;
  /** One turn of a task now. Never rejects: what failed is told and tried at the next turn. */
  run(name: TaskName): Promise<void>;
  /** Ends the turns that run; a long one after its present step. */
  stop(): Promise<void>;
};

export type HousekeepingParts = {
  readonly pool: pg.Pool;
  /** A connection as the tables' owner. */
  readonly owner: () => pg.Client;
  readonly queue: JobQueue;
  readonly endpoints: { all(): readonly Endpoint[] };
  readonly providers: ReadonlyMap<string, Provider>;
  /** Null: nothing is removed. */
  readonly retentionDays: number | null;
  /** Reckons open items from the postings alone: what is kept otherwise, in words. It stands above this folder. */
  readonly compareItems?: () => Promise<readonly unknown[]>;
  /** Ends imports of settlement reports whose process died. */
  readonly clearImports: (tx: Tx) => Promise<void>;
  /** Removes orders to fetch reports that ended long ago, at most so many. */
  readonly forgetFetches: (tx: Tx, limit: number) => Promise<unknown>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
};

/** A process that is started anew each night would never come to a task of a day. */
const LOOK_S_MAX = 3_600;
const PARTITION_DAYS_AHEAD = 14;
const MINUTES_KEPT_DAYS = 90;
const DIFFERENCES_TOLD = 20;
/** More than an instance's writer keeps in the time between two turns. */
const QUARANTINED_A_TURN = 5_000;
/** More than are made in an hour. */
const FETCHES_A_TURN = 5_000;

function turnsOf(parts: HousekeepingParts, signal: AbortSignal): Record<TaskName, Turn> {
  const { queue, clock, endpoints, metrics, retentionDays, providers, log } = parts;
  const nothing: Turn = { inTransaction: async () => undefined };
  return {
    sweep_queued: {
      async inTransaction(tx) {
        const jobId = uuidv7(clock.now());
        const ids = await sweepQueued(tx, jobId);
        if (ids.length === 0) return;
        metrics.sweptEvents.inc(ids.length);
        await queue.send(tx, jobId, ids);
      },
    },
    requeue_expired: {
      async inTransaction(tx) {
        const jobId = uuidv7(clock.now());
        const ids = await requeueExpired(tx, jobId, LAST_TRY);
        if (ids.length > 0) await queue.send(tx, jobId, ids);
      },
    },
    wake_parked: {
      async inTransaction(tx) {
        // First, because it waits for rows that others hold; the parked ones are taken where nobody does.
        await wakeWaiting(tx, { queue, clock });
        metrics.wokenEvents.inc(await wakeParked(tx, { endpoints: endpoints.all(), queue, clock }));
      },
    },
    make_partitions: { inTransaction: (tx) => ensurePartitions(tx, PARTITION_DAYS_AHEAD) },
    forget_minutes: { inTransaction: (tx) => forgetMinutes(tx, MINUTES_KEPT_DAYS) },
    [VERIFY_BOOKS]: { ifDue: (session) => verifyBooks(session, { pool: parts.pool, log, signal }) },
    [COMPARE_ITEMS]: { ifDue: (session) => compare(session, parts) },
    [MEASURE_HOURS]: { inTransaction: measureHours },
    appraise_queue: { inTransaction: (tx) => appraiseQueue(tx, endpoints.all()) },
    forget_quarantined: {
      async inTransaction(tx) {
        await forgetQuarantined(tx, QUARANTINED_A_TURN);
      },
    },
    clear_imports: { inTransaction: parts.clearImports },
    forget_fetches: {
      async inTransaction(tx) {
        await parts.forgetFetches(tx, FETCHES_A_TURN);
      },
    },
    remove_bodies:
      retentionDays === null
        ? nothing
        : { asOwner: (session) => removeOldBodies(session, { retentionDays, log, stopping: () => signal.aborted }) },
    forget_events:
      retentionDays === null
        ? nothing
        : {
            async inTransaction(tx) {
              metrics.forgottenEvents.inc(await forgetEvents(tx, { retentionDays, providers }));
            },
          },
  };
}

/** Once a day, and each hour while there are differences. */
async function compare(session: Sql, { compareItems, metrics, log }: HousekeepingParts): Promise<boolean> {
  if (compareItems === undefined || !(await isVerifyDue(session, COMPARE_ITEMS))) return false;
  const differences = await compareItems();
  metrics.reconcileDifferences.set(differences.length);
  if (differences.length === 0) return true;
  log.error({ differences: differences.slice(0, DIFFERENCES_TOLD) }, 'open items are kept otherwise than reckoned');
  throw new PosternError('internal', `${differences.length} open items are kept otherwise than reckoned`);
}

/** Runs tasks when they are due, one instance at a time; what failed is told and tried at the next turn. */
export function createHousekeeping(parts: HousekeepingParts): Housekeeping {
  const { pool, log, metrics } = parts;
  const stopping = new AbortController();
  const turns = turnsOf(parts, stopping.signal);
  const timers = new Set<NodeJS.Timeout>();
  const running = new Set<Promise<void>>();

  async function turn(name: TaskName): Promise<void> {
    let failure: string | null = null;
    try {
      const task = turns[name];
      const ran = await runTurn(name, task);
      // Another instance is at it, and notes what becomes of it; or it was not due.
      if (!ran) return;
    } catch (error) {
      failure = messageOf(error);
      metrics.housekeepingErrors.inc({ task: name });
      log.warn({ task: name, error: failure }, 'housekeeping failed; it is tried again');
    }
    await withTransaction(pool, (tx) => noteRun(tx, name, failure)).catch((error: unknown) =>
      log.warn({ task: name, error: messageOf(error) }, 'a housekeeping run could not be noted'),
    );
  }

  function runTurn(name: TaskName, task: Turn): Promise<boolean> {
    if ('inTransaction' in task) return inTransaction(name, task.inTransaction);
    if ('ifDue' in task) return inSession(name, task.ifDue);
    return inSession(name, async (session) => {
      await task.asOwner(session);
      return true;
    });
  }

  function inTransaction(name: TaskName, work: (tx: Tx) => Promise<void>): Promise<boolean> {
    return withTransaction(pool, async (tx) => {
      const mine = await lockTask(tx, name);
      if (mine) await work(tx);
      return mine;
    });
  }

  /** For what cannot be inside a transaction. The lock is the session's, and ends with it however that ends. */
  async function inSession(name: TaskName, work: (session: Sql) => Promise<boolean>): Promise<boolean> {
    const client = parts.owner();
    // Without a listener a dying connection would end the process; the statement that it breaks tells.
    client.on('error', (error) => log.debug({ task: name, err: error }, 'the connection of a task was lost'));
    try {
      await client.connect();
      const session = sqlOf(client);
      return (await lockTaskInSession(session, name)) && (await work(session));
    } catch (error) {
      throw explained(error);
    } finally {
      await client.end();
    }
  }

  function run(name: TaskName): Promise<void> {
    const one = turn(name).finally(() => running.delete(one));
    running.add(one);
    return one;
  }

  return {
    run,
    start() {
      for (const { name, intervalS } of HOUSEKEEPING) {
        void run(name);
        timers.add(setInterval(() => void run(name), Math.min(intervalS, LOOK_S_MAX) * 1000));
      }
    },
    async stop() {
      stopping.abort();
      for (const timer of timers) clearInterval(timer);
      await Promise.all(running);
    },
  };
}

/** 42501: the login is not the owner's to be, or the tables are not the login's. 22023: the role is not there. */
function explained(error: unknown): unknown {
  const state = sqlStateOf(error);
  if (state !== '42501' && state !== '22023') return error;
  return new PosternError(
    'database_schema',
    `the login of DATABASE_URL may not act as the owner of the tables (${messageOf(error)}): grant postern_owner to it, or unset RETENTION_DAYS`,
    { cause: error },
  );
}
