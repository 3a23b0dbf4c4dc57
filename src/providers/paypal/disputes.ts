import { listAt, textAt } from '../../exact-json.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import { effectsOf, noEffect } from '../normalised.ts';
import type { Normalised } from '../provider.ts';
import { incomplete, type Told } from './payments.ts';
import { moneyAt } from './resource.ts';

/** Decided for the buyer, out of our money. RESOLVED_WITH_PAYOUT is paid by PayPal. */
const FOR_THE_BUYER = new Set(['RESOLVED_BUYER_FAVOUR', 'RESOLVED_BUYER_FAVOR', 'ACCEPTED']);
const TRANSACTIONS_MAX = 100;

/**
 * A dispute lost, by each disputed transaction: its id is what the report's rows name, the case's is in none of them
 * (developer.paypal.com/docs/reports/sftp-reports). No webhook tells when the money moved; T1106, T1201 and T1202 rows do.
 */
export function disputeResolved(told: Told): Normalised {
  const { resource, at, references } = told;
  const outcome = textAt(resource, 'dispute_outcome', 'outcome_code') ?? 'none';
  if (!FOR_THE_BUYER.has(outcome)) {
    return noEffect(
      { references, amount: null },
      `evidence: a dispute resolved with ${outcome.slice(0, 40)} costs nothing more`,
    );
  }
  const total = moneyAt(resource, 'dispute_outcome', 'amount_refunded') ?? moneyAt(resource, 'dispute_amount');
  const transactions = listAt(resource, 'disputed_transactions').slice(0, TRANSACTIONS_MAX);
  const effects: PaymentEvent[] = [];
  for (const transaction of transactions) {
    const dispute = textAt(transaction, 'seller_transaction_id');
    const money = transactions.length === 1 ? total : moneyAt(transaction, 'gross_amount');
    if (dispute === undefined || money === undefined) return incomplete(told, 'amount for each disputed transaction');
    effects.push({ type: 'dispute.lost', key: `${dispute}:lost`, at, dispute, ...money });
  }
  if (effects.length === 0) return incomplete(told, 'disputed transaction');
  return effectsOf({ references, amount: total ?? null }, effects);
}
