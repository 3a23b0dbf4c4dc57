import type { Clock } from '../../clock.ts';
import { zoneOfDay } from '../../ledger/accounting-day.ts';
import { reversalOf } from '../../ledger/entry.ts';
import { linesOf, openAccounts, postEntries, type ToldEntry } from '../../ledger/ledger-store.ts';
import { RULE_VERSION } from '../../ledger/rules.ts';
import type { Tx } from '../../postgres/sql.ts';
import { uuidv7 } from '../../uuid.ts';
import { postedBy, type StandingTransaction } from './promote-store.ts';

const LINES_A_TURN = 500;

export type Why = {
  readonly settlement: string;
  readonly actor: string;
  /** Absent: a later version of a report. */
  readonly reason?: string;
  readonly clock: Clock;
};

/**
 * Takes back what lines posted that a later version of their report tells otherwise or not at all: by reversal, so that only
 * their items open again.
 */
export async function correctLines(tx: Tx, lineIds: readonly string[], why: Why): Promise<void> {
  for (let from = 0; from < lineIds.length; from += LINES_A_TURN)
    await reverseAll(tx, await postedBy(tx, lineIds.slice(from, from + LINES_A_TURN)), why);
}

/** `suffix`: behind the other's key, in place of `:reversed`. */
export async function reverseAll(
  tx: Tx,
  standing: readonly StandingTransaction[],
  { settlement, actor, reason = 'an amended report', clock }: Why,
  suffix?: string,
): Promise<void> {
  if (standing.length === 0) return;
  const cause = JSON.stringify({ actor, reason, settlement });
  const legs = Map.groupBy(
    await linesOf(
      tx,
      standing.map(({ id }) => id),
    ),
    ({ transactionId }) => transactionId,
  );
  const entries: ToldEntry[] = standing.map((original) => {
    const { id, effect_key: effectKey, effective_at, accounting_date, source_line: line } = original;
    const at = effective_at.getTime();
    const zone = zoneOfDay(at, accounting_date);
    const mine = (legs.get(id) ?? []).map((one) => one.line);
    const reversal = reversalOf(
      { id, effectKey, at, legs: mine },
      { id: uuidv7(clock.now()), kind: 'settlement.corrected', zone },
    );
    const entry = suffix === undefined ? reversal : { ...reversal, effectKey: effectKey + suffix };
    return { source: { event: null, line, request: null, cause }, zone, entry };
  });
  const accounts = new Map(entries.flatMap(({ entry }) => entry.legs).map(({ account }) => [account.path, account]));
  const ids = new Map((await openAccounts(tx, [...accounts.values()])).map(({ path, id }) => [path, id]));
  const sorted = entries.sort((a, b) => (a.entry.effectKey < b.entry.effectKey ? -1 : 1));
  await postEntries(tx, sorted, (path) => ids.get(path) ?? 0, RULE_VERSION);
}
