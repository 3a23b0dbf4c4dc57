import type { Clock } from '../clock.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import type { Tx } from '../postgres/sql.ts';
import { uuidv7 } from '../uuid.ts';
import { wakeParkedUnder } from './fetch-store.ts';
import { keyOf, parkedUnder } from './interpret.ts';
import type { JobQueue } from './job-queue.ts';

/**
 * Parked events go on when what they wait for has come: a key (or another one) was set on their endpoint, or this release's
 * adapter is newer than the one that parked them.
 */
export async function wakeParked(
  tx: Tx,
  { endpoints, queue, clock }: { endpoints: readonly Endpoint[]; queue: JobQueue; clock: Clock },
): Promise<number> {
  let woken = 0;
  for (const endpoint of endpoints) {
    const waits = [
      ...(keyOf(endpoint) === null ? [] : [{ of: ['api_key'], under: parkedUnder('api_key', endpoint) }]),
      { of: ['adapter', 'currency'], under: parkedUnder('adapter', endpoint) },
    ];
    for (const { of, under } of waits) {
      const jobId = uuidv7(clock.now());
      const ids = await wakeParkedUnder(tx, endpoint.id, of, under ?? '', jobId);
      if (ids.length > 0) await queue.send(tx, jobId, ids);
      woken += ids.length;
    }
  }
  return woken;
}
