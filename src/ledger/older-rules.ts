import type { Tx } from '../postgres/sql.ts';
import type { Leg } from './entry.ts';
import { debitsByOlderRule, type Taken, type ToldEntry } from './ledger-store.ts';
import { RULE_VERSION } from './rules.ts';

/**
 * What an older rule posted otherwise is no conflict as long as it is the same money: the processor told nothing else, we
 * read it otherwise. Costs a query only where something differs.
 */
export async function forgiveOlderRules(tx: Tx, taken: Taken[], entries: readonly ToldEntry[]): Promise<Taken[]> {
  const differing = taken.filter((t) => !t.same);
  if (differing.length === 0) return taken;
  const standing = new Map<string, Map<string, bigint>>();
  const ids = differing.map((t) => t.existing);
  for (const { id, currency, debits } of await debitsByOlderRule(tx, ids, RULE_VERSION)) {
    standing.set(id, (standing.get(id) ?? new Map<string, bigint>()).set(currency, debits));
  }
  const told = new Map(entries.map(({ entry }) => [entry.id, debitsOf(entry.legs)]));
  return taken.map((t) => (t.same || !areEqual(standing.get(t.existing), told.get(t.id)) ? t : { ...t, same: true }));
}

/** Whether two readings of one thing move the same money, whatever accounts they take it from and to. */
export function isSameMoney(one: readonly Leg[], other: readonly Leg[]): boolean {
  return areEqual(debitsOf(one), debitsOf(other));
}

function debitsOf(legs: readonly Leg[]): Map<string, bigint> {
  const debits = new Map<string, bigint>();
  for (const { currency, amount } of legs) {
    if (amount > 0n) debits.set(currency, (debits.get(currency) ?? 0n) + amount);
  }
  return debits;
}

function areEqual(
  one: ReadonlyMap<string, bigint> | undefined,
  other: ReadonlyMap<string, bigint> | undefined,
): boolean {
  if (one === undefined || other === undefined || one.size !== other.size) return false;
  return [...one].every(([currency, amount]) => other.get(currency) === amount);
}
