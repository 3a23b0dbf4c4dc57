import { stripeCurrency } from './currency.ts';
import { idAt, type Meaning, noEffect, required, type StripeEvent } from './fields.ts';

/**
 * payment_intent.canceled: since API version 2025-03-31 no charge event tells that an authorisation was let go, so this
 * one releases it. It moves no money, and releases nothing where nothing is open.
 */
export function intentCancelledMeaning(event: StripeEvent): Meaning {
  const payment = idAt(event.object, 'latest_charge');
  if (payment === undefined) return noEffect('the payment was cancelled before anything was authorised');
  const currency = stripeCurrency(required(event.object, 'currency')).code;
  return {
    kind: 'effects',
    effects: [{ type: 'payment.cancelled', key: `${payment}:cancelled`, at: event.at, payment, currency }],
    amount: null,
  };
}
