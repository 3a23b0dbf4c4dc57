import type { Static } from 'typebox';
import { type LivingWorker, selectLivingWorkers, selectQueueControls } from '../../ingest/queue-control-store.ts';
import { QUEUE_SETTINGS } from '../../ingest/queue-settings.ts';
import { QUEUES, type QueueName } from '../../ingest/queues.ts';
import type { Sql } from '../../postgres/sql.ts';
import type { QueueShape } from './shapes.ts';

export type QueueView = Static<typeof QueueShape>;

/** Every queue with its state and settings. Only that of events has workers that keep a row. */
export async function readQueues(sql: Sql): Promise<QueueView[]> {
  const controls = new Map((await selectQueueControls(sql)).map((control) => [control.queue, control]));
  const workers = await selectLivingWorkers(sql);
  return QUEUES.map((name) => {
    const control = controls.get(name);
    return {
      name,
      paused: control?.paused ?? false,
      reason: control?.reason ?? null,
      actor: control?.actor ?? null,
      changed_at: control?.changedAt.toISOString() ?? null,
      settings: { ...QUEUE_SETTINGS[name] },
      workers: name === 'events' ? workers.map(workerView) : [],
    };
  });
}

export async function readQueue(sql: Sql, name: QueueName): Promise<QueueView> {
  const view = (await readQueues(sql)).find((queue) => queue.name === name);
  if (view === undefined) throw new TypeError(`the queue ${name} has no view`);
  return view;
}

function workerView({ id, startedAt, holding, settings }: LivingWorker): QueueView['workers'][number] {
  return { id: String(id), started_at: startedAt.toISOString(), holding, settings };
}
