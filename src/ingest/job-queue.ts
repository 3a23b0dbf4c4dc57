import type { PgBoss } from 'pg-boss';
import type { Tx } from '../postgres/sql.ts';

/** The queue whose jobs carry the ids of events; its jobs only wake the work, the event rows are its truth. */
export const EVENTS_QUEUE = 'events';

/** A job as it was fetched; completing it takes the object, which fences the attempt. */
export type EventsJob = { readonly id: string; readonly events: readonly string[]; readonly raw: unknown };

export type JobQueue = {
  fetch(jobsMax: number): Promise<EventsJob[]>;
  /** In the caller's transaction, like all that changes a job: no dual writes. */
  complete(tx: Tx, jobs: readonly EventsJob[]): Promise<void>;
  /** `jobId` is new for every enqueue: pg-boss takes an id that it has seen for a silent no-op. */
  send(tx: Tx, jobId: string, eventIds: readonly string[], startAfter?: Date): Promise<void>;
};

const JOB_EVENTS_MAX = 200;

export function createJobQueue(boss: PgBoss): JobQueue {
  const inTransaction = (tx: Tx) => ({
    db: {
      executeSql: (text: string, values?: unknown[]) => tx.query(text, values),
    },
  });

  return {
    async fetch(jobsMax) {
      const jobs = await boss.fetch<{ events?: unknown }>(EVENTS_QUEUE, { batchSize: jobsMax });
      return jobs.map((job) => ({ id: job.id, events: readIds(job.data), raw: job }));
    },
    async complete(tx, jobs) {
      if (jobs.length === 0) return;
      const raw = jobs.map((job) => job.raw) as Parameters<PgBoss['complete']>[1];
      await boss.complete(EVENTS_QUEUE, raw, undefined, inTransaction(tx));
    },
    async send(tx, jobId, eventIds, startAfter) {
      for (let from = 0; from < eventIds.length; from += JOB_EVENTS_MAX) {
        const events = eventIds.slice(from, from + JOB_EVENTS_MAX);
        await boss.send(
          EVENTS_QUEUE,
          { events },
          {
            ...(from === 0 ? { id: jobId } : {}),
            ...(startAfter === undefined ? {} : { startAfter }),
            ...inTransaction(tx),
          },
        );
      }
    },
  };
}

function readIds(data: { events?: unknown } | null): string[] {
  return Array.isArray(data?.events) ? data.events.filter((id) => typeof id === 'string') : [];
}
