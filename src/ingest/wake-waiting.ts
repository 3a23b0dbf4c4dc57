import type { Clock } from '../clock.ts';
import type { Tx } from '../postgres/sql.ts';
import { uuidv7 } from '../uuid.ts';
import type { Interpretation } from './interpret.ts';
import type { JobQueue } from './job-queue.ts';
import { noteAwaited, wakeAwaiting } from './wake-store.ts';

/**
 * Refunds of marketplaces wait for the payment's capture. Notes, in the transaction that posts captures, those that somebody
 * waits for: whoever commits it wakes them in a transaction of its own, and housekeeping does where it died before. Within this
 * one the refunds' rows would be locked after balances, and 40P01 came of it when copies of both were counted. True: wake.
 */
export async function noteCaptures(
  tx: Tx,
  posting: readonly Extract<Interpretation, { kind: 'post' }>[],
): Promise<boolean> {
  const keys = posting
    .filter((i) => i.marketplace !== null)
    .flatMap((i) =>
      i.effects.flatMap((effect) =>
        // A reversal posts the capture it implies.
        effect.type === 'payment.captured' || effect.type === 'payment.reversed'
          ? [`${i.provider}:${i.event.account}:${effect.payment}:captured`]
          : [],
      ),
    );
  return keys.length > 0 && (await noteAwaited(tx, keys)) > 0;
}

/** A bounded number of events whose effect has come go on; the transaction must hold no locks yet. True: there may be more. */
export async function wakeWaiting(
  tx: Tx,
  { queue, clock }: { readonly queue: JobQueue; readonly clock: Clock },
): Promise<boolean> {
  const jobId = uuidv7(clock.now());
  const { woken, more } = await wakeAwaiting(tx, jobId);
  if (woken.length > 0) await queue.send(tx, jobId, woken);
  return more;
}
