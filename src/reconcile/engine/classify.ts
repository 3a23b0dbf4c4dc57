import { type AccountRules, DISPUTE_DAYS, dueAfter, RESERVE_DAYS } from './account-rules.ts';
import { type CarryAround, classifyBalance, classifyBank } from './classify-payout.ts';
import { classifyPending, type PendingAround } from './classify-pending.ts';
import { firstOf, type ItemAccount, type ItemFacts } from './items.ts';
import { discrepancy, type ItemClass, onceDue, type Verdict } from './verdict.ts';

export type Around = { readonly pending: PendingAround; readonly carry: CarryAround | null };

/** What an item that is not zero is: one bucket, and one class where it is a discrepancy. Pure. */
export function classify(
  facts: ItemFacts,
  { role }: Pick<ItemAccount, 'role'>,
  around: Around,
  rules: AccountRules,
  now: number,
): Verdict {
  switch (role) {
    case 'processor_pending':
      return classifyPending(facts, around.pending, rules, now);
    case 'processor_balance':
      return classifyBalance(facts, around.carry, rules, now);
    case 'bank_in_transit':
      return classifyBank(facts, rules, now);
    case 'refunds_payable':
      return overdue(facts, 'refund_not_sent', rules.settlementDays, rules, now);
    case 'disputes_receivable':
      return overdue(facts, 'dispute_stale', DISPUTE_DAYS, rules, now);
    case 'processor_reserve':
      return overdue(facts, 'reserve_overdue', RESERVE_DAYS, rules, now);
    case 'suspense':
      return discrepancy('unknown_kind');
  }
}

function overdue(facts: ItemFacts, name: ItemClass, days: number, rules: AccountRules, now: number): Verdict {
  const at = facts.leftSince ?? firstOf(facts, 'announced', 'line', 'allocated', 'passed', 'written_off');
  return at === undefined ? discrepancy(name) : onceDue(now, dueAfter(rules, at, days), () => discrepancy(name));
}

/** Signed from the merchant's side: report − ledger, lines − payout, bank − payout. */
export const deltaOf = ({ role }: Pick<ItemAccount, 'role'>, amount: bigint): bigint =>
  role === 'processor_balance' ? amount : -amount;
