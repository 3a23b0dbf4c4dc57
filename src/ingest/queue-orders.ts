import type pg from 'pg';
import { insertAudit } from '../audit-store.ts';
import { type Tx, withTransaction } from '../postgres/sql.ts';
import { HURRIED_AT_ONCE, hurryEvents, hurryFetches, hurryReports, setPaused } from './queue-control-store.ts';
import type { QueueName } from './queues.ts';

export type QueueOrder = { readonly queue: QueueName; readonly reason: string | null; readonly actor: string };

/** What a person tells a queue. Every order is in the audit log; one that changes nothing is not. */
export type QueueOrders = {
  /** Nothing new is taken from it; what is in hand is finished. False where it is paused already. */
  pause(order: QueueOrder): Promise<boolean>;
  /** False where it is not paused. */
  resume(order: QueueOrder): Promise<boolean>;
  /** Goes on, and what waits for its next attempt is tried now. Returns how many that were. */
  drain(order: QueueOrder): Promise<number>;
};

/** A hundred thousand in one order; whoever has more waits for them, or orders again. */
const HURRIES_MAX = 20;

const HURRY: Readonly<Partial<Record<QueueName, (tx: Tx) => Promise<number>>>> = {
  events: hurryEvents,
  fetch: hurryFetches,
  settlements: hurryReports,
};

export function createQueueOrders({ pool }: { readonly pool: pg.Pool }): QueueOrders {
  function set(order: QueueOrder, paused: boolean): Promise<boolean> {
    return withTransaction(pool, async (tx) => {
      const changed = await setPaused(tx, { ...order, paused });
      if (changed) await note(tx, paused ? 'queue.pause' : 'queue.resume', order);
      return changed;
    });
  }

  return {
    pause: (order) => set(order, true),
    resume: (order) => set(order, false),
    async drain(order) {
      let hurried = 0;
      await withTransaction(pool, async (tx) => {
        await setPaused(tx, { ...order, paused: false });
        await note(tx, 'queue.drain', order);
      });
      const hurry = HURRY[order.queue];
      for (let turn = 0; hurry !== undefined && turn < HURRIES_MAX; turn += 1) {
        const moved = await withTransaction(pool, hurry);
        hurried += moved;
        if (moved < HURRIED_AT_ONCE) break;
      }
      return hurried;
    },
  };
}

async function note(tx: Tx, action: string, { queue, reason, actor }: QueueOrder): Promise<void> {
  await insertAudit(tx, { actor, action, subject: `queue:${queue}`, reason });
}
