import type pg from 'pg';
import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { sqlOf, withTransaction } from '../../postgres/sql.ts';
import type { RulesOf } from './account-rules.ts';
import { selectUnasked } from './ask-missing-store.ts';
import { addHistory } from './discrepancy-store.ts';

/** Has the processor asked for what it sent in a time; unix ms. It stands above this folder: the backfill is not ours to import. */
export type AskProcessor = (wish: {
  readonly endpointId: number;
  readonly from: number;
  readonly to: number;
}) => Promise<void>;

const AT_ONCE = 200;
/** A processor lists an event when it made it, which may be some time after what it tells. */
const AROUND_MS = 3_600_000;
const SPAN_MS = 86_400_000;

/** Fetches webhooks that a report shows never came, where the processor lists what it sent; each is asked for once. */
export async function askForMissing(
  pool: pg.Pool,
  {
    ask,
    rulesOf,
    clock,
    log,
  }: {
    readonly ask: AskProcessor;
    readonly rulesOf: RulesOf;
    readonly clock: { now(): number };
    readonly log: Log;
  },
): Promise<number> {
  const missing = await selectUnasked(sqlOf(pool), AT_ONCE);
  const spans = Map.groupBy(missing, ({ provider, account, at }) =>
    JSON.stringify([rulesOf({ provider, account }).endpointId, Math.floor(at / SPAN_MS)]),
  );
  for (const mine of spans.values()) {
    const [first] = mine;
    const endpointId = first === undefined ? null : rulesOf(first).endpointId;
    if (endpointId === null) continue;
    const times = mine.map(({ at }) => at);
    const now = clock.now();
    const to = Math.min(now, Math.max(...times) + AROUND_MS);
    let action = 'fetch_asked';
    try {
      await ask({ endpointId, from: Math.min(...times) - AROUND_MS, to });
    } catch (error) {
      // Longer ago than the processor tells of: it is proposed as a correction, and not asked for again.
      action = 'fetch_refused';
      log.info({ endpoint: endpointId, error: messageOf(error) }, 'a missing webhook cannot be fetched');
    }
    await withTransaction(pool, (tx) =>
      addHistory(
        tx,
        mine.map(({ id }) => ({ id, actor: 'system', action, detail: {} })),
        new Date(now),
      ),
    );
  }
  return missing.length;
}
