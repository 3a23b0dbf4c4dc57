import { isObject, type JsonObject, listAt, textAt } from '../../exact-json.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import { isoAmount, stripeCurrency } from './currency.ts';
import { amountOf, fetchFor, idAt, type Meaning, noEffect, required, type StripeEvent, timeOf } from './fields.ts';

/**
 * transfer.*: the transfer and each of its reversals by their own ids; `amount_reversed` is a sum and posts nothing.
 * docs.stripe.com/api/transfers/object
 */
export function transferMeaning(event: StripeEvent): Meaning {
  const transfer = event.object;
  const id = required(transfer, 'id');
  const currency = stripeCurrency(required(transfer, 'currency'));
  const amount = amountOf(transfer, 'amount', currency);
  const about = { amount: { amount, currency: currency.code } };
  const seller = idAt(transfer, 'destination');
  if (seller === undefined) return { ...noEffect('the transfer names no connected account it goes to'), ...about };
  const effects: PaymentEvent[] = [
    {
      type: 'transfer.created',
      key: `${id}:created`,
      at: timeOf(transfer, 'created', event.at),
      transfer: id,
      seller,
      amount,
      currency: currency.code,
    },
  ];
  const reversals = event.fetched === null ? listAt(transfer, 'reversals', 'data') : listAt(event.fetched, 'data');
  for (const reversal of reversals.filter(isObject)) {
    const reversalId = required(reversal, 'id');
    effects.push({
      type: 'transfer.reversed',
      key: `${reversalId}:reversed`,
      at: timeOf(reversal, 'created', event.at),
      transfer: reversalId,
      seller,
      amount: amountOf(reversal, 'amount', currency),
      currency: currency.code,
    });
  }
  if (effects.length === 1 && isPositive(transfer, 'amount_reversed')) {
    const reason = 'it tells how much was reversed in all, not which reversal';
    return fetchFor(event, 'reversals of', id, reason, about.amount);
  }
  return { ...about, kind: 'effects', effects };
}

/** application_fee.created, .refunded: what the platform earns. docs.stripe.com/api/application_fees/object */
export function applicationFeeMeaning(event: StripeEvent): Meaning {
  const fee = event.object;
  const id = required(fee, 'id');
  const currency = stripeCurrency(required(fee, 'currency'));
  const amount = amountOf(fee, 'amount', currency);
  const about = { amount: { amount, currency: currency.code } };
  const created = timeOf(fee, 'created', event.at);
  const effects: PaymentEvent[] = [
    { type: 'platform_fee.created', key: `${id}:created`, at: created, fee: id, amount, currency: currency.code },
  ];
  const refunds = event.fetched === null ? listAt(fee, 'refunds', 'data') : listAt(event.fetched, 'data');
  effects.push(...refunds.filter(isObject).map((refund) => feeRefund(refund, event.at)));
  if (effects.length === 1 && isPositive(fee, 'amount_refunded')) {
    const reason = 'it tells how much was refunded in all, not which refund';
    return fetchFor(event, 'fee refunds of', id, reason, about.amount);
  }
  return { ...about, kind: 'effects', effects };
}

/** application_fee.refund.updated */
export function feeRefundMeaning(event: StripeEvent): Meaning {
  const effect = feeRefund(event.object, event.at);
  return { kind: 'effects', effects: [effect], amount: { amount: effect.amount, currency: effect.currency } };
}

function feeRefund(refund: JsonObject, fallback: number): Extract<PaymentEvent, { fee: string }> {
  const id = required(refund, 'id');
  const currency = stripeCurrency(required(refund, 'currency'));
  return {
    type: 'platform_fee.refunded',
    key: `${id}:refunded`,
    at: timeOf(refund, 'created', fallback),
    fee: id,
    amount: amountOf(refund, 'amount', currency),
    currency: currency.code,
  };
}

function isPositive(object: JsonObject, name: string): boolean {
  const text = textAt(object, name);
  return text !== undefined && isoAmount(text, stripeCurrency(required(object, 'currency'))) > 0n;
}
