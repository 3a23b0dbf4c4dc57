import type pg from 'pg';
import { messageOf } from '../errors.ts';
import { createNudgedPause } from '../nudged-pause.ts';
import { isDatabaseError, sqlOf, withTransaction } from '../postgres/sql.ts';
import { uuidv7 } from '../uuid.ts';
import { type BatchParts, buryKiller, runBatch } from './batch.ts';
import type { EventsJob } from './job-queue.ts';
import { adoptDeadWorker, countKill, noteHolding, registerWorker, removeWorker } from './work-store.ts';

export type WorkerOptions = BatchParts & {
  /** Events a transaction. */
  readonly batchEventsMax: number;
  /** Asked before each batch; without it the queue is never paused. */
  readonly isPaused?: () => boolean;
};

export type Worker = {
  start(): void;
  /** Something was enqueued in this process: look at once instead of at the next poll. */
  wake(): void;
  /** Finishes the batch in hand; nothing new is fetched. */
  stop(): Promise<void>;
};

const JOBS_A_FETCH = 50;
const POLL_MS = 200;
const RECONNECT_MS = 500;
const TAKE_OVER_EVERY_MS = 5_000;
export const KILLS_MAX = 3;

/**
 * One posting loop: fetch jobs, run their events in batches. A session of its own holds the advisory lock of its row, so
 * that whoever finds the lock free knows this worker is dead and which events it had in hand.
 */
export function createWorker(options: WorkerOptions): Worker {
  const { log, metrics, pool, queue, isPaused = () => false } = options;
  let stopping = false;
  let running: Promise<void> = Promise.resolve();
  const rest = createNudgedPause();
  let woken = false;
  let idle = true;

  async function loop(): Promise<void> {
    while (!stopping) {
      try {
        await runSession();
      } catch (error) {
        log.warn({ error: messageOf(error) }, 'the worker lost its database session; it tries again');
        await pause(RECONNECT_MS);
      }
    }
  }

  /** Works until told to stop, or until the session that holds its lock is lost. */
  async function runSession(): Promise<void> {
    const holder = await pool.connect();
    let lost: Error | undefined;
    const onError = (error: Error): void => {
      lost = error;
    };
    holder.on('error', onError);
    try {
      // Notes of what is in hand must survive this process, not the server: they need not wait for the disk.
      await holder.query('set synchronous_commit = off');
      const settings = { batch_events_max: options.batchEventsMax, jobs_a_fetch: JOBS_A_FETCH, poll_ms: POLL_MS };
      const workerId = await registerWorker(sqlOf(holder), settings);
      let nextTakeOver = 0;
      const restEmptyHanded = async (): Promise<void> => {
        if (!idle) await noteHolding(sqlOf(holder), workerId, []);
        idle = true;
        await pause(POLL_MS);
      };
      while (!stopping && lost === undefined) {
        if (isPaused()) {
          await restEmptyHanded();
          continue;
        }
        if (options.clock.now() >= nextTakeOver) {
          await takeOver(holder, workerId);
          nextTakeOver = options.clock.now() + TAKE_OVER_EVERY_MS;
        }
        const jobs = await queue.fetch(JOBS_A_FETCH);
        if (jobs.length === 0) {
          await restEmptyHanded();
          continue;
        }
        idle = false;
        const batches = batchesOf(jobs, options.batchEventsMax);
        for (const [n, batch] of batches.entries()) {
          if (isPaused()) {
            await giveBack(batches.slice(n));
            break;
          }
          await noteHolding(sqlOf(holder), workerId, batch.ids);
          await runUntilDatabaseAnswers(batch.ids, batch.jobs);
        }
      }
      if (lost === undefined) await removeWorker(sqlOf(holder), workerId);
    } finally {
      holder.off('error', onError);
      // Destroyed, not pooled: the session's lock and settings end with it.
      holder.release(true);
    }
  }

  /** Up to ten thousand events come with one fetch: paused, they go back at once instead of when their jobs expire. */
  async function giveBack(batches: readonly Batch[]): Promise<void> {
    await withTransaction(pool, async (tx) => {
      const jobs = batches.flatMap((batch) => batch.jobs);
      const ids = batches.flatMap((batch) => batch.ids);
      await queue.send(tx, uuidv7(options.clock.now()), ids);
      await queue.complete(tx, jobs);
    });
  }

  /** Nobody's attempt is counted when the database fails; past a few tries the job's own expiry brings it back. */
  async function runUntilDatabaseAnswers(ids: readonly string[], jobs: readonly EventsJob[]): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await runBatch(ids, jobs, options);
        return;
      } catch (error) {
        if (!isDatabaseError(error) || tries >= 3) throw error;
        log.warn({ error: messageOf(error), events: ids.length }, 'the database failed a batch; it is run again');
        await pause(RECONNECT_MS);
      }
    }
  }

  /**
   * What a dead worker left is run one by one. Only an event that was alone in its hands when it died is held to have
   * killed it: a process may be killed for any reason, and the rest of a batch is innocent. In no fixed order, so that
   * repeated kills do not find the same event first each time.
   */
  async function takeOver(holder: pg.PoolClient, workerId: bigint): Promise<void> {
    const sql = sqlOf(holder);
    for (let dead = await adoptDeadWorker(sql, workerId); dead !== null; dead = await adoptDeadWorker(sql, workerId)) {
      const [suspect] = dead.holding;
      const kills = dead.holding.length === 1 && suspect !== undefined ? await countKill(sqlOf(pool), suspect) : null;
      if (suspect !== undefined && kills !== null && kills >= KILLS_MAX) await buryKiller(suspect, options);
      else {
        for (const id of shuffled(dead.holding, options.random)) {
          if (stopping) return;
          await noteHolding(sql, workerId, [id]);
          await runUntilDatabaseAnswers([id], []);
          metrics.takenUp.inc();
        }
      }
      await noteHolding(sql, workerId, []);
      await removeWorker(sql, dead.id);
    }
  }

  async function pause(ms: number): Promise<void> {
    if (!stopping && !woken) await rest.take(ms);
    woken = false;
  }

  return {
    start() {
      running = loop();
    },
    wake() {
      if (!idle) return;
      woken = true;
      rest.nudge();
    },
    async stop() {
      stopping = true;
      rest.nudge();
      await running;
    },
  };
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const mixed = [...items];
  for (let n = mixed.length - 1; n > 0; n -= 1) {
    const other = Math.floor(random() * (n + 1));
    [mixed[n], mixed[other]] = [mixed[other] as T, mixed[n] as T];
  }
  return mixed;
}

type Batch = { readonly ids: readonly string[]; readonly jobs: readonly EventsJob[] };

/** Jobs together as long as their events fit one transaction; a job larger than that is a batch of its own. */
export function batchesOf(jobs: readonly EventsJob[], eventsMax: number): Batch[] {
  const batches: { ids: string[]; jobs: EventsJob[] }[] = [];
  for (const job of jobs) {
    const last = batches.at(-1);
    if (last === undefined || last.ids.length + job.events.length > eventsMax)
      batches.push({ ids: [...job.events], jobs: [job] });
    else {
      last.ids.push(...job.events);
      last.jobs.push(job);
    }
  }
  return batches;
}
