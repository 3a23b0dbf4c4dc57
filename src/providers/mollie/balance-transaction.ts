import { type Json, textAt } from '../../exact-json.ts';
import { references } from '../normalised.ts';
import type { EndpointSettings } from '../provider.ts';
import { firstTime, type Meaning, moneyAt } from './resource.ts';

/** Which object a balance transaction's costs are of, and where its id stands. */
const OF: ReadonlyMap<string, { readonly of: 'payment' | 'refund' | 'dispute'; readonly id: string }> = new Map([
  ['payment', { of: 'payment', id: 'paymentId' }],
  ['capture', { of: 'payment', id: 'paymentId' }],
  ['split-payment', { of: 'payment', id: 'paymentId' }],
  ['refund', { of: 'refund', id: 'refundId' }],
  ['returned-refund', { of: 'refund', id: 'refundId' }],
  ['chargeback', { of: 'dispute', id: 'chargebackId' }],
  ['chargeback-reversal', { of: 'dispute', id: 'chargebackId' }],
]);

/**
 * What Mollie took for a movement: result = initial + deductions, so a cost is a deduction below zero. The movement itself
 * is told by its own object, and everything else on a balance by the settlement. A settlement tells its costs by month and method
 * and names no payment: where it posts them, a cost told here would be charged twice. Balance transactions as a report name it.
 * docs.mollie.com/reference/list-balance-transactions
 */
export function balanceTransactionMeaning(
  transaction: Json,
  receivedAt: number,
  { settlement_mode: mode }: EndpointSettings,
): Meaning {
  const id = textAt(transaction, 'id');
  const type = textAt(transaction, 'type') ?? '';
  const costs = OF.get(type);
  const reference = costs === undefined ? undefined : textAt(transaction, 'context', costs.id);
  const about = {
    references: references(
      ['payment', textAt(transaction, 'context', 'paymentId')],
      ['refund', textAt(transaction, 'context', 'refundId')],
      ['dispute', textAt(transaction, 'context', 'chargebackId')],
    ),
    amount: moneyAt(transaction, 'initialAmount') ?? null,
  };
  if (mode !== 'balance') {
    const reason = 'evidence: the settlement posts what Mollie takes, unless settlement_mode is balance';
    return { ...about, kind: 'no_effect', reason };
  }
  if (costs === undefined) {
    return { ...about, kind: 'no_effect', reason: `evidence: the settlement posts a balance's ${type.slice(0, 40)}` };
  }
  const deductions = moneyAt(transaction, 'deductions');
  if (deductions === undefined || deductions.amount === 0n) {
    return { ...about, kind: 'no_effect', reason: `evidence: the ${type} cost nothing, and tells itself` };
  }
  if (id === undefined || reference === undefined) {
    return { ...about, kind: 'incomplete', reason: `the balance transaction does not name its ${costs.of}` };
  }
  const amount = -deductions.amount;
  const at = firstTime(transaction, receivedAt, 'createdAt');
  const { currency } = deductions;
  return {
    ...about,
    kind: 'effects',
    effects: [{ type: 'payment.fee_known', key: `${id}:fee`, at, reference, of: costs.of, amount, currency }],
  };
}
