import type pg from 'pg';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { type Sql, type Tx, withTransaction } from '../postgres/sql.ts';
import { uuidv7 } from '../uuid.ts';
import { LAST_TRY } from './interpret.ts';
import type { JobQueue } from './job-queue.ts';
import { forgetMinutes } from './minutes-store.ts';
import { requeueExpired, sweepQueued } from './work-store.ts';

/** A task of the house: its name, how often, and its limited turn inside one transaction that holds the task's lock. */
export type HousekeepingTask = {
  readonly name: string;
  readonly intervalS: number;
  run(tx: Tx): Promise<void>;
};

export type Housekeeping = {
  start(): void;
  stop(): Promise<void>;
  tasks: readonly { name: string; intervalS: number }[];
};

type Parts = {
  readonly pool: pg.Pool;
  readonly queue: JobQueue;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
};

const PARTITION_DAYS_AHEAD = 14;
const MINUTES_KEPT_DAYS = 90;

/** The tasks by name, for whoever shows when they last ran. */
export const HOUSEKEEPING = [
  { name: 'sweep_queued', intervalS: 15 },
  { name: 'requeue_expired', intervalS: 15 },
  { name: 'make_partitions', intervalS: 3_600 },
  { name: 'forget_minutes', intervalS: 3_600 },
] as const;

function housekeepingTasks({ queue, clock, metrics }: Parts): HousekeepingTask[] {
  return [
    {
      name: 'sweep_queued',
      intervalS: 15,
      async run(tx) {
        const jobId = uuidv7(clock.now());
        const ids = await sweepQueued(tx, jobId);
        if (ids.length === 0) return;
        metrics.sweptEvents.inc(ids.length);
        await queue.send(tx, jobId, ids);
      },
    },
    {
      name: 'requeue_expired',
      intervalS: 15,
      async run(tx) {
        const jobId = uuidv7(clock.now());
        const ids = await requeueExpired(tx, jobId, LAST_TRY);
        if (ids.length > 0) await queue.send(tx, jobId, ids);
      },
    },
    {
      name: 'make_partitions',
      intervalS: 3_600,
      async run(tx) {
        await tx.query("set local lock_timeout = '500ms'");
        await tx.query('select postern.ensure_delivery_partitions($1)', [PARTITION_DAYS_AHEAD]);
      },
    },
    {
      name: 'forget_minutes',
      intervalS: 3_600,
      async run(tx) {
        await forgetMinutes(tx, MINUTES_KEPT_DAYS);
      },
    },
  ];
}

/** Runs tasks when they are due, one instance at a time; what failed is told and tried at the next turn. */
export function createHousekeeping(parts: Parts): Housekeeping {
  const tasks = housekeepingTasks(parts);
  const timers = new Set<NodeJS.Timeout>();
  const running = new Set<Promise<void>>();

  async function turn(task: HousekeepingTask): Promise<void> {
    let failure: string | null = null;
    try {
      await withTransaction(parts.pool, async (tx) => {
        if (await lockTask(tx, task.name)) await task.run(tx);
      });
    } catch (error) {
      failure = messageOf(error);
      parts.metrics.housekeepingErrors.inc({ task: task.name });
      parts.log.warn({ task: task.name, error: failure }, 'housekeeping failed; it is tried again');
    }
    await withTransaction(parts.pool, (tx) => noteRun(tx, task.name, failure)).catch((error: unknown) =>
      parts.log.warn({ task: task.name, error: messageOf(error) }, 'a housekeeping run could not be noted'),
    );
  }

  function track(task: HousekeepingTask): void {
    const run = turn(task).finally(() => running.delete(run));
    running.add(run);
  }

  return {
    tasks: tasks.map(({ name, intervalS }) => ({ name, intervalS })),
    start() {
      for (const task of tasks) {
        track(task);
        timers.add(setInterval(() => track(task), task.intervalS * 1000));
      }
    },
    async stop() {
      for (const timer of timers) clearInterval(timer);
      await Promise.all(running);
    },
  };
}

async function lockTask(tx: Sql, name: string): Promise<boolean> {
  const result = await tx.query<{ locked: boolean }>(
    `select pg_try_advisory_xact_lock(hashtextextended('postern.housekeeping.' || $1, 0)) as locked`,
    [name],
  );
  return result.rows[0]?.locked === true;
}

async function noteRun(tx: Sql, name: string, error: string | null): Promise<void> {
  await tx.query(
    `insert into postern.housekeeping_runs (name, last_run_at, last_error) values ($1, now(), $2)
     on conflict (name) do update set last_run_at = excluded.last_run_at, last_error = excluded.last_error`,
    [name, error],
  );
}
