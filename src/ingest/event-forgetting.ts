import type { Tx } from '../postgres/sql.ts';
import type { Provider } from '../providers/provider.ts';
import { forgetEventsStep, noteForgotten, takeDayToForget } from './retention-store.ts';

const EVENTS_A_TURN = 5_000;

/**
 * Forgets a bounded number of event rows that are past their provider's horizon, whose bytes are gone, and that left no
 * trace in the books. Rows of providers without a horizon stay: there a captured request replays for ever.
 * Returns how many went.
 */
export async function forgetEvents(
  tx: Tx,
  { retentionDays, providers }: { retentionDays: number; providers: ReadonlyMap<string, Provider> },
): Promise<number> {
  const finite = [...providers.values()].filter(({ facts }) => facts.dedupHorizonDays !== null);
  // One day for all of them, the latest: a day's rows are looked at once, and a row may be kept longer than it must.
  const horizonDays = Math.max(
    retentionDays,
    ...finite.map(({ facts }) => Math.max(facts.dedupHorizonDays ?? 0, Math.ceil(facts.retryHorizonHours / 24))),
  );
  const from = await takeDayToForget(tx, horizonDays);
  if (from === null) return 0;
  const { scanned, last, forgotten } = await forgetEventsStep(tx, from, {
    providers: finite.map(({ name }) => name),
    horizonDays,
    limit: EVENTS_A_TURN,
  });
  await noteForgotten(tx, from.day, { last, forgotten, whole: scanned < EVENTS_A_TURN });
  return forgotten;
}
