import type { Transaction } from '../queries-store.ts';

/** What a journal says of a transaction beside its lines, by name; what is not there is left out. */
export function factsOf(transaction: Transaction): [name: string, value: string][] {
  const { id, effectKey, effectiveAt, recordedAt, reverses, source } = transaction;
  const facts: [string, string | null][] = [
    ['transaction', id],
    ['effect_key', effectKey],
    ['effective_at', effectiveAt.toISOString()],
    ['recorded_at', recordedAt.toISOString()],
    ['reverses', reverses],
    ['source_event', source.event],
    ['source_line', source.line],
    ['source_request', source.request],
    ['cause', source.cause],
  ];
  return facts.flatMap(([name, value]) => (value === null ? [] : [[name, value]]));
}
