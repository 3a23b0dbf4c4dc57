import type { OnChange } from '../change-listener.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Sql } from '../postgres/sql.ts';
import { QUEUES_CHANNEL, selectQueueControls } from './queue-control-store.ts';
import type { QueueName } from './queues.ts';

/** Which queues are paused, as everybody who works on one asks before each batch: in memory, at most a second old. */
export type QueueControls = {
  load(): Promise<void>;
  isPaused(queue: QueueName): boolean;
  /** Without `onChange` a pause is seen by looking every second only. */
  start(onChange?: OnChange): void;
  stop(): Promise<void>;
};

const LOOK_MS = 1_000;

/** While the database cannot be asked the last state stands: nothing can be worked then anyway. */
export function createQueueControls({ sql, log }: { readonly sql: Sql; readonly log: Log }): QueueControls {
  let paused: ReadonlySet<string> = new Set();
  let loading: Promise<void> | null = null;
  let again = false;
  let timer: NodeJS.Timeout | undefined;

  async function read(): Promise<void> {
    const found = await selectQueueControls(sql);
    const now = new Set(found.filter((control) => control.paused).map(({ queue }) => queue));
    for (const { queue, actor, reason } of found)
      if (now.has(queue) !== paused.has(queue))
        log.info({ queue, actor, reason }, now.has(queue) ? 'the queue is paused' : 'the queue goes on');
    paused = now;
  }

  /** One read at a time; a call during one waits for another after it, which sees what the first may have missed. */
  function load(): Promise<void> {
    if (loading !== null) {
      again = true;
      return loading;
    }
    loading = (async () => {
      try {
        do {
          again = false;
          await read();
        } while (again);
      } finally {
        loading = null;
      }
    })();
    return loading;
  }

  function look(): void {
    load().catch((error: unknown) =>
      log.warn({ error: messageOf(error) }, 'paused queues could not be read; the last state stands'),
    );
  }

  return {
    load,
    isPaused: (queue) => paused.has(queue),
    start(onChange) {
      onChange?.(QUEUES_CHANNEL, look);
      timer = setInterval(look, LOOK_MS);
      timer.unref();
    },
    async stop() {
      clearInterval(timer);
      // Whoever began this read has told its failure; here it only must be over.
      await loading?.catch(() => undefined);
    },
  };
}
