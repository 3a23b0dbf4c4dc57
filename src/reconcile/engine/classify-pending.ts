import { type AccountRules, dueAfter, liveSince } from './account-rules.ts';
import { countOf, firstOf, type ItemFacts, type ItemKey, lastOf, sumOf } from './items.ts';
import { type Difference, discrepancy, informational, inTransit, onceDue, type Verdict } from './verdict.ts';

/** Another open item of the same reference. `isSibling`: on the pending account of another account of the same processor. */
export type Relative = ItemKey & {
  readonly amount: bigint;
  readonly account: string;
  readonly isSibling: boolean;
};

/** What lies around an item of `processor_pending`. */
export type PendingAround = {
  readonly relatives: readonly Relative[];
  /** A line of a report names the reference, whatever of it is open. */
  readonly hasLine: boolean;
  /** Another object with the same merchant reference and the same amount was settled; its reference. */
  readonly settledTwin: string | null;
  /** When its lines say that the movement happened, unix ms; null where no line says so. */
  readonly occurredAt: number | null;
};

/** The first row of the table that is true names the item. Pure. */
export function classifyPending(facts: ItemFacts, around: PendingAround, rules: AccountRules, now: number): Verdict {
  return facts.component === 'fee' ? classifyFee(facts, around, rules, now) : classifyGross(facts, around, rules, now);
}

function classifyFee(facts: ItemFacts, { hasLine }: PendingAround, rules: AccountRules, now: number): Verdict {
  const announced = sumOf(facts, 'announced');
  const differences = differing('fee', -announced, settledFee(facts));
  const told = firstOf(facts, 'announced');
  if (hasLine || told === undefined) return discrepancy('fee_mismatch', differences);
  return onceDue(now, dueAfter(rules, told, rules.settlementDays), () => discrepancy('fee_mismatch', differences));
}

const settledFee = (facts: ItemFacts): bigint => sumOf(facts, 'line', 'recognised', 'passed', 'allocated');

function classifyGross(facts: ItemFacts, around: PendingAround, rules: AccountRules, now: number): Verdict {
  const { announced, settled, hasAnnounced, hasLine } = sidesOf(facts);
  const differences = differing('amount', announced, -settled);

  const elsewhere = around.relatives.find((one) => one.isSibling && isOpposite(one, facts) && sameKind(one, facts));
  if (elsewhere !== undefined)
    return discrepancy('wrong_account', [
      ...differing('account', hasLine ? elsewhere.account : rules.account, hasLine ? rules.account : elsewhere.account),
      ...differences,
    ]);
  const inOther = around.relatives.find(
    (one) =>
      one.accountId === facts.accountId &&
      one.component === facts.component &&
      one.currency !== facts.currency &&
      Math.sign(Number(one.amount)) === -Math.sign(Number(facts.amount)),
  );
  if (inOther !== undefined)
    return discrepancy('currency_mismatch', [
      ...differing('currency', hasLine ? inOther.currency : facts.currency, hasLine ? facts.currency : inOther.currency),
      ...differences,
    ]);
  if (countOf(facts, 'announced') > 1 && sumOf(facts, 'announced') === 0n && settled !== 0n) {
    // What came back has a line of its own, and that is days later than the first.
    const told = lastOf(facts, 'announced') ?? now;
    return onceDue(now, dueAfter(rules, told, rules.settlementDays), () =>
      discrepancy('status_mismatch', [...differing('status', 'reversed', 'settled'), ...differences]),
    );
  }
  if (announced !== 0n && settled !== 0n && announced > 0n === settled > 0n)
    return discrepancy('direction_mismatch', [...differing('direction', signOf(announced), signOf(-settled))]);
  if (isSettledTwice(facts, announced))
    return discrepancy('duplicate_in_settlement', [
      ...differing('movements', String(countOf(facts, 'announced')), String(countOf(facts, 'line'))),
      ...differences,
    ]);
  if (!hasAnnounced) {
    const since = liveSince(rules);
    const at = around.occurredAt ?? firstOf(facts, 'line');
    if (since !== null && at !== undefined && at < since) return informational();
    return discrepancy('missing_in_ledger', differences);
  }
  if (!hasLine) {
    const told = firstOf(facts, 'announced');
    if (told === undefined) return discrepancy('missing_in_settlement', differences);
    return onceDue(now, dueAfter(rules, told, rules.settlementDays), () =>
      around.settledTwin === null
        ? discrepancy('missing_in_settlement', differences)
        : discrepancy('duplicate_in_ledger', [
            ...differing('reference', facts.reference, around.settledTwin),
            ...differences,
          ]),
    );
  }
  return classifyParts(facts, differences, rules, now);
}

/** Both sides are there, and differ. */
function classifyParts(
  facts: ItemFacts,
  differences: readonly Difference[],
  rules: AccountRules,
  now: number,
): Verdict {
  const { announced, line } = facts.moved;
  const isSplit = (announced?.count ?? 0) > 1 || (line?.count ?? 0) > 1;
  if (isSplit && (announced?.isWhole === true || line?.isWhole === true)) {
    const parts = differing('movements', String(announced?.count ?? 0), String(line?.count ?? 0));
    const last = lastOf(facts, 'announced');
    // The line of its last part may still come.
    if (announced?.isWhole === true && last !== undefined) {
      const dueAt = dueAfter(rules, last, rules.settlementDays);
      if (now < dueAt) return inTransit(dueAt);
      return discrepancy('split_incomplete', [...parts, ...differences], dueAt);
    }
    return discrepancy('split_incomplete', [...parts, ...differences]);
  }
  return discrepancy('amount_mismatch', differences);
}

/** What was allocated stands for the side that the item itself does not have. */
export function sidesOf(facts: ItemFacts): {
  readonly announced: bigint;
  readonly settled: bigint;
  readonly hasAnnounced: boolean;
  readonly hasLine: boolean;
} {
  const other = sumOf(facts, 'passed', 'allocated');
  const told = countOf(facts, 'announced') > 0;
  const lined = countOf(facts, 'line') > 0;
  const toAnnounced = lined && !told;
  return {
    announced: sumOf(facts, 'announced') + (toAnnounced ? other : 0n),
    settled: sumOf(facts, 'line') + (toAnnounced ? 0n : other),
    hasAnnounced: told || (toAnnounced && other !== 0n),
    hasLine: lined || (told && other !== 0n),
  };
}

/** Equal lines, k of which are k times what was announced. */
function isSettledTwice(facts: ItemFacts, announced: bigint): boolean {
  const { line } = facts.moved;
  if (line === undefined || line.count < 2 || line.least !== line.most || announced === 0n) return false;
  const [settled, told] = [absolute(line.sum), absolute(announced)];
  return settled >= told * 2n && settled % told === 0n;
}

const isOpposite = (one: { amount: bigint }, other: { amount: bigint }): boolean =>
  one.amount !== 0n && other.amount !== 0n && one.amount > 0n !== other.amount > 0n;

const sameKind = (one: ItemKey, other: ItemKey): boolean =>
  one.component === other.component && one.currency === other.currency;

const absolute = (amount: bigint): bigint => (amount < 0n ? -amount : amount);

const signOf = (amount: bigint): string => (amount > 0n ? 'in' : 'out');

export function differing(field: string, ledger: bigint | string, settlement: bigint | string): Difference[] {
  return ledger === settlement ? [] : [{ field, ledger: String(ledger), settlement: String(settlement) }];
}
