import { textAt } from '../../exact-json.ts';
import type { PaymentEvent, Payout } from '../../payment-event.ts';
import { isoAmount, stripeCurrency } from './currency.ts';
import { amountOf, expandedAt, type Meaning, required, type StripeEvent, timeOf } from './fields.ts';

/**
 * payout.*: `paid` is only Stripe's word, and may be followed by `failed` days later: it says no more than that the
 * payout was made. docs.stripe.com/api/payouts/object
 */
export function payoutMeaning(event: StripeEvent): Meaning {
  const status = textAt(event.object, 'status');
  if (event.type === 'payout.failed' || status === 'failed') return outgoing(event, 'payout.failed', 'failed');
  if (event.type === 'payout.canceled' || status === 'canceled')
    return outgoing(event, 'payout.cancelled', 'cancelled');
  return outgoing(event, null, '');
}

/** topup.*: money from the bank to Stripe, a payout the other way round. docs.stripe.com/api/topups/object */
export function topupMeaning(event: StripeEvent): Meaning {
  const status = textAt(event.object, 'status');
  if (event.type === 'topup.failed' || status === 'failed') return incoming(event, 'payout.failed', 'failed');
  if (event.type === 'topup.canceled' || status === 'canceled') return incoming(event, 'payout.cancelled', 'cancelled');
  if (event.type === 'topup.reversed' || status === 'reversed') return incoming(event, 'payout.returned', 'returned');
  return incoming(event, null, '');
}

function outgoing(event: StripeEvent, end: Payout['type'] | null, name: string): Meaning {
  return moved(event, 1n, end, name);
}

function incoming(event: StripeEvent, end: Payout['type'] | null, name: string): Meaning {
  return moved(event, -1n, end, name);
}

function moved(event: StripeEvent, sign: bigint, end: Payout['type'] | null, name: string): Meaning {
  const id = required(event.object, 'id');
  const currency = stripeCurrency(required(event.object, 'currency'));
  const paid = { amount: sign * amountOf(event.object, 'amount', currency), currency: currency.code };
  const left = leftElsewhere(event, currency.code);
  const base = { payout: id, ...(left === undefined ? paid : { ...left, settled: paid }) };
  const created = timeOf(event.object, 'created', event.at);
  const effects: PaymentEvent[] = [{ type: 'payout.created', key: `${id}:created`, at: created, ...base }];
  if (end !== null) {
    const reversal = expandedAt(event.object, 'failure_balance_transaction');
    effects.push({ type: end, key: `${id}:${name}`, at: timeOf(reversal, 'created', event.at), ...base });
  }
  return { kind: 'effects', effects, amount: paid };
}

/** The balance it left, where that is in another currency than the bank account: only the expanded balance transaction tells. */
function leftElsewhere(event: StripeEvent, paid: string): Payout['settled'] {
  const txn = expandedAt(event.object, 'balance_transaction');
  if (txn === undefined) return undefined;
  const currency = stripeCurrency(required(txn, 'currency'));
  if (currency.code === paid) return undefined;
  return { amount: -isoAmount(required(txn, 'amount'), currency), currency: currency.code };
}
