import type { Endpoint } from '../endpoints/endpoint.ts';
import type { Tx } from '../postgres/sql.ts';
import { forgetAppraisals, insertAppraisals, selectUnappraised } from './appraise-store.ts';
import { interpret } from './interpret.ts';

/** What reading them takes is little beside posting them: a queue that grows must not grow faster for being looked at. */
const EVENTS_A_TURN = 1_000;

/**
 * Reads what events tell that have been queued for so long that somebody will ask what is at stake: nobody has posted or
 * parked them yet, so their amounts stand nowhere. Only reads them; the worker takes them as if this had not been.
 */
export async function appraiseQueue(tx: Tx, endpoints: readonly Endpoint[]): Promise<void> {
  await forgetAppraisals(tx);
  const byId = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]));
  const waiting = await selectUnappraised(tx, EVENTS_A_TURN);
  await insertAppraisals(
    tx,
    waiting.flatMap((event) => {
      const endpoint = byId.get(event.endpointId);
      return endpoint === undefined ? [] : [{ eventId: event.id, amount: amountOf(interpret(event, endpoint)) }];
    }),
  );
}

/** An event that moves no money has nothing at risk, though it may name an amount. */
function amountOf(read: ReturnType<typeof interpret>): { currency: string; amount: bigint } | null {
  const moves = read.kind === 'post' || read.ending.status === 'deferred' || read.ending.status === 'dead';
  return moves ? read.amount : null;
}
