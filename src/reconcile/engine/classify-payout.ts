import { UNPROVEN } from '../../settlement-line.ts';
import { type AccountRules, dueAfter } from './account-rules.ts';
import { differing } from './classify-pending.ts';
import { countOf, firstOf, type ItemFacts, lastOf, sumOf } from './items.ts';
import { discrepancy, informational, inTransit, onceDue, type Verdict } from './verdict.ts';

/** What lies around what two batches or periods hand over to each other. */
export type CarryAround = {
  /** Something of the batch or period it comes from, or goes to, is in the books. */
  readonly knowsFrom: boolean;
  readonly knowsTo: boolean;
  /** Nothing later was handed over: it is the money at the processor. */
  readonly isNewest: boolean;
};

const CARRY = /^carry:(.*)>(.*)$/s;

/** From where to where, of the reference of such an item; null for any other, and for what a period is only computed to leave. */
export function carryOf(reference: string): { readonly from: string; readonly to: string } | null {
  const [, from, to] = CARRY.exec(reference) ?? [];
  return from === undefined || to === undefined || to === UNPROVEN ? null : { from, to };
}

const isComputed = (reference: string): boolean => CARRY.exec(reference)?.[2] === UNPROVEN;

/** An item of `processor_balance`: lines on one side, their payout on the other. Pure. */
export function classifyBalance(
  facts: ItemFacts,
  carry: CarryAround | null,
  rules: AccountRules,
  now: number,
): Verdict {
  if (carry !== null) return classifyCarry(facts, carry, rules, now);
  // All of these together are the money at the processor.
  if (isComputed(facts.reference)) return inTransit(null);
  if (countOf(facts, 'opening', 'closing') > 0) return discrepancy('proof_failed');
  const paid = sumOf(facts, 'announced', 'payout_line');
  const lines = sumOf(facts, 'line');
  const differences = differing('amount', -paid, lines);
  if (countOf(facts, 'line') === 0 && countOf(facts, 'payout_line') === 0) {
    const at = firstOf(facts, 'announced');
    if (at === undefined) return discrepancy('payout_total_mismatch', differences);
    return onceDue(now, dueAfter(rules, at, rules.payoutDays), () => discrepancy('missing_file', differences));
  }
  if (paid === 0n) {
    const at = lastOf(facts, 'line', 'announced') ?? now;
    return onceDue(now, dueAfter(rules, at, rules.payoutDays), () => discrepancy('missing_payout', differences));
  }
  return discrepancy('payout_total_mismatch', differences);
}

function classifyCarry(facts: ItemFacts, carry: CarryAround, rules: AccountRules, now: number): Verdict {
  const { knowsFrom, knowsTo, isNewest } = carry;
  if (knowsFrom && knowsTo) return discrepancy('roll_forward_break');
  if (knowsFrom && isNewest) return inTransit(null);
  const at = firstOf(facts, 'opening', 'closing', 'payout_line', 'line');
  if (at === undefined) return discrepancy('missing_file');
  return onceDue(now, dueAfter(rules, at, rules.payoutDays), () => discrepancy('missing_file'));
}

/** An item of `bank_in_transit`: the payout on one side, the bank's line on the other. Pure. */
export function classifyBank(facts: ItemFacts, rules: AccountRules, now: number): Verdict {
  if (rules.bankAccount === null) return informational();
  const other = sumOf(facts, 'passed', 'allocated');
  const [told, seen] = [countOf(facts, 'announced') > 0, countOf(facts, 'bank') > 0];
  const paid = sumOf(facts, 'announced') + (seen && !told ? other : 0n);
  const banked = sumOf(facts, 'bank') + (seen && !told ? 0n : other);
  const differences = differing('amount', paid, -banked);
  if (paid !== 0n && banked !== 0n) return discrepancy('bank_amount_mismatch', differences);
  if (told && paid === 0n) return discrepancy('payout_reversed', differences);
  const at = firstOf(facts, 'announced');
  if (at === undefined) return discrepancy('unidentified_bank_credit', differences);
  return onceDue(now, dueAfter(rules, at, rules.bankDays), () => discrepancy('payout_not_in_bank', differences));
}
