import type { Clock } from '../clock.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import type { Tx } from '../postgres/sql.ts';
import { uuidv7 } from '../uuid.ts';
import { keyOf, parkedUnder } from './interpret.ts';
import type { JobQueue } from './job-queue.ts';
import { type Park, wakeParkedUnder } from './wake-store.ts';

/**
 * Parked events go on when what they wait for has come: a key (or another one) was set on their endpoint, or this release's
 * adapter is newer than the one that parked them.
 */
export async function wakeParked(
  tx: Tx,
  { endpoints, queue, clock }: { endpoints: readonly Endpoint[]; queue: JobQueue; clock: Clock },
): Promise<number> {
  const parks = endpoints.flatMap((endpoint): Park[] => {
    const waits = keyOf(endpoint) === null ? WITHOUT_KEY : WITH_KEY;
    return waits.map((waitingFor) => ({
      endpointId: endpoint.id,
      waitingFor,
      under: parkedUnder(waitingFor, endpoint) ?? '',
    }));
  });
  if (parks.length === 0) return 0;
  const jobId = uuidv7(clock.now());
  const woken = await wakeParkedUnder(tx, parks, jobId);
  if (woken.length > 0) await queue.send(tx, jobId, woken);
  return woken.length;
}

const WITHOUT_KEY = ['adapter', 'currency'] as const;
const WITH_KEY = [...WITHOUT_KEY, 'api_key'] as const;
