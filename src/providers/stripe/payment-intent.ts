import { textAt } from '../../exact-json.ts';
import { stripeCurrency } from './currency.ts';
import { evidenceReason } from './evidence.ts';
import { idAt, type Meaning, noEffect, required, type StripeEvent } from './fields.ts';

/**
 * payment_intent.canceled: since API version 2025-03-31 no charge event tells that an authorisation was let go, so this
 * one releases it. It moves no money, and releases nothing where nothing is open.
 */
export function intentCancelledMeaning(event: StripeEvent): Meaning {
  const payment = idAt(event.object, 'latest_charge');
  if (payment === undefined) return noEffect('the payment was cancelled before anything was authorised');
  return released(event, payment, 'cancelled');
}

/**
 * payment_intent.succeeded: an intent captured by hand succeeds when nothing more can be captured of it, also where the
 * charge does not tell which capture was the last (`final_capture`). docs.stripe.com/api/payment_intents/capture
 */
export function intentSucceededMeaning(event: StripeEvent): Meaning {
  const payment = idAt(event.object, 'latest_charge');
  if (payment === undefined || textAt(event.object, 'capture_method') !== 'manual') {
    return noEffect(evidenceReason(event.type) ?? 'no money moved');
  }
  return released(event, payment, 'captured_whole');
}

function released(event: StripeEvent, payment: string, how: string): Meaning {
  const currency = stripeCurrency(required(event.object, 'currency')).code;
  return {
    kind: 'effects',
    effects: [{ type: 'payment.cancelled', key: `${payment}:${how}`, at: event.at, payment, currency }],
    amount: null,
  };
}
