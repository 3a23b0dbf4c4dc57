import { type JsonObject, textAt } from '../../exact-json.ts';
import type { PaymentEvent, Refund } from '../../payment-event.ts';
import { stripeCurrency } from './currency.ts';
import { feeOf } from './fee.ts';
import {
  amountOf,
  expandedAt,
  idAt,
  type Meaning,
  noEffect,
  parked,
  required,
  type StripeEvent,
  timeOf,
} from './fields.ts';

const KNOWN_STATUS = new Set(['pending', 'requires_action', 'succeeded', 'failed', 'canceled']);

/** refund.* and charge.refund.updated. docs.stripe.com/api/refunds/object */
export function refundMeaning(event: StripeEvent): Meaning {
  const refund = event.object;
  if (isReversalOfUncaptured(refund)) return noEffect('it releases what was not captured: no money moved');
  const status = textAt(refund, 'status') ?? 'pending';
  const currency = stripeCurrency(required(refund, 'currency'));
  const amount = { amount: amountOf(refund, 'amount', currency), currency: currency.code };
  if (!KNOWN_STATUS.has(status))
    return parked('adapter', `a refund with the status "${status.slice(0, 40)}" is not known`, amount);
  return { kind: 'effects', effects: refundEffects(refund, event.at), amount };
}

/** Up to API version 2025-03-31 the release of an authorisation's uncaptured rest came as a refund. */
export function isReversalOfUncaptured(refund: JsonObject): boolean {
  const txn = expandedAt(refund, 'balance_transaction');
  return (
    textAt(txn, 'reporting_category') === 'partial_capture_reversal' ||
    textAt(txn, 'type') === 'partial_capture_reversal'
  );
}

/**
 * Every stage the refund has been through, so that any order of its events ends the same: a failed one was created and
 * succeeded, and its net effect is zero. The amount is the refund's own, never a sum over refunds.
 */
export function refundEffects(refund: JsonObject, at: number, charge?: string): PaymentEvent[] {
  const id = required(refund, 'id');
  const currency = stripeCurrency(required(refund, 'currency'));
  const status = textAt(refund, 'status');
  const payment = idAt(refund, 'charge') ?? charge;
  const created = timeOf(refund, 'created', at);
  const base = {
    refund: id,
    amount: amountOf(refund, 'amount', currency),
    currency: currency.code,
    ...(payment === undefined ? {} : { payment }),
  };
  const stage = (type: Refund['type'], name: string, when: number): Refund => ({
    type,
    key: `${id}:${name}`,
    at: when,
    ...base,
  });
  const effects: PaymentEvent[] = [stage('refund.created', 'created', created)];
  const failed = status === 'failed' || status === 'canceled';
  const txn = expandedAt(refund, 'balance_transaction');
  if (failed || status === 'succeeded') {
    effects.push(stage('refund.succeeded', 'succeeded', timeOf(txn, 'created', created)));
  }
  if (failed) {
    const reversal = expandedAt(refund, 'failure_balance_transaction');
    effects.push(stage('refund.failed', 'failed', timeOf(reversal, 'created', at)));
    if (reversal !== undefined) effects.push(...feeOf(reversal, id, 'refund', at));
  }
  if (txn !== undefined) effects.push(...feeOf(txn, id, 'refund', at));
  return effects;
}
