import { at, isObject, type JsonObject, listAt, textAt } from '../../exact-json.ts';
import type { PaymentCaptured, PaymentEvent } from '../../payment-event.ts';
import { type IsoCurrency, isoAmount, stripeCurrency } from './currency.ts';
import { feeOf } from './fee.ts';
import {
  amountOf,
  expandedAt,
  fetchFor,
  idAt,
  type Meaning,
  noEffect,
  required,
  type StripeEvent,
  timeOf,
} from './fields.ts';
import { isReversalOfUncaptured, refundEffects } from './refund.ts';

/** From this API version on the release of an uncaptured rest is no refund any more. docs.stripe.com/changelog/basil */
const NO_REVERSAL_REFUNDS_FROM = '2025-03-31';

/** charge.*: the charge carries the money. docs.stripe.com/api/charges/object */
export function chargeMeaning(event: StripeEvent): Meaning {
  const charge = event.object;
  const payment = required(charge, 'id');
  const currency = stripeCurrency(required(charge, 'currency'));
  const authorised = amountOf(charge, 'amount', currency);
  const about = { amount: { amount: authorised, currency: currency.code } };

  if (event.type === 'charge.expired') {
    return { ...about, kind: 'effects', effects: uncaptured(event, payment, currency, authorised) };
  }
  const status = textAt(charge, 'status');
  if (status === 'failed' || event.type === 'charge.failed') return failed(event, payment, currency, authorised);
  if (status === 'pending' || event.type === 'charge.pending' || at(charge, 'paid') === false) {
    return noEffect('the payment is still pending: nothing has been captured');
  }
  if (at(charge, 'captured') === false) {
    const effects = uncaptured(event, payment, currency, authorised);
    const partly = effects.some((one) => one.type === 'payment.captured');
    if (partly && event.type === 'charge.refunded') return withRefunds(event, effects, payment, currency, true);
    return { ...about, kind: 'effects', effects };
  }
  const captured = capturedEffect(event, payment, currency, authorised);
  const effects: PaymentEvent[] = [captured, ...feeEffects(event, payment)];
  if (event.type !== 'charge.refunded')
    return { kind: 'effects', effects, amount: { amount: captured.amount, currency: currency.code } };
  return withRefunds(event, effects, payment, currency, captured.amount < authorised);
}

/**
 * Not captured, or not for the last time: between the captures of a multicapture payment a charge says `captured: false`
 * with an `amount_captured` above zero, in charge.updated; charge.captured comes with the last of them.
 * docs.stripe.com/payments/multicapture
 */
function uncaptured(event: StripeEvent, payment: string, currency: IsoCurrency, authorised: bigint): PaymentEvent[] {
  const charge = event.object;
  const total = textAt(charge, 'amount_captured') === undefined ? 0n : amountOf(charge, 'amount_captured', currency);
  const captured =
    total === 0n ? [] : [capturedEffect(event, payment, currency, authorised), ...feeEffects(event, payment)];
  if (event.type === 'charge.expired') return [...captured, ended('expired', event, payment, currency)];
  // An authorisation that was let go counts as refunded; once something is captured, `refunded` is about that.
  if (total === 0n && at(charge, 'refunded') === true) return [ended('cancelled', event, payment, currency)];
  const created = timeOf(charge, 'created', event.at);
  const held = { payment, amount: authorised, currency: currency.code };
  return [{ type: 'payment.authorised', key: `${payment}:authorised`, at: created, ...held }, ...captured];
}

function feeEffects(event: StripeEvent, payment: string): PaymentEvent[] {
  const txn = expandedAt(event.object, 'balance_transaction');
  return txn === undefined ? [] : feeOf(txn, payment, 'payment', event.at);
}

/**
 * A running total for every charge: whether a charge may be captured several times stands in `multicapture`, which not
 * every API version sends, and two endpoints of one account may have two versions. Were the key's form to depend on it,
 * one capture would have two keys and post twice.
 */
function capturedEffect(
  event: StripeEvent,
  payment: string,
  currency: IsoCurrency,
  authorised: bigint,
): PaymentCaptured {
  const charge = event.object;
  const total = capturedTotal(charge, currency, authorised);
  // What is left of the authorisation is released with the last capture, and charge.captured is that.
  const last = event.type === 'charge.captured' && at(charge, 'captured') !== false;
  const open = at(charge, 'captured') === false && textAt(charge, 'status') !== 'failed';
  const sent = textAt(charge, 'transfer_data', 'amount');
  const share = sent === undefined ? total : isoAmount(sent, currency);
  const destination = idAt(charge, 'transfer_data', 'destination') ?? idAt(charge, 'destination');
  return {
    type: 'payment.captured',
    key: `${payment}:captured:${total}`,
    at: captureTime(event),
    payment,
    amount: total,
    currency: currency.code,
    runningTotal: true,
    ...(destination === undefined ? {} : { seller: { id: destination, amount: atMost(share, total) } }),
    ...(last || open ? { authorisation: { amount: total, final: last } } : {}),
  };
}

/** A capture of less than was authorised cannot pass on more than itself. */
function atMost(amount: bigint, limit: bigint): bigint {
  if (amount > limit) return limit;
  return amount;
}

/** `amount_captured` came in 2020; before, a captured charge was captured whole. */
function capturedTotal(charge: JsonObject, currency: IsoCurrency, authorised: bigint): bigint {
  return textAt(charge, 'amount_captured') === undefined ? authorised : amountOf(charge, 'amount_captured', currency);
}

/**
 * A charge tells when it was made, not when it was captured: `charge.captured` itself is that time, and the charge.updated
 * that tells a capture before the last. Other events only mention the capture and may come a month later: they give the
 * charge's own time.
 */
function captureTime(event: StripeEvent): number {
  if (event.type === 'charge.captured') return event.at;
  if (event.type === 'charge.updated' && at(event.object, 'captured') === false) return event.at;
  return timeOf(event.object, 'created', event.at);
}

/**
 * A payment that fails was never captured, except one whose money Stripe had already credited (bank debits): then the
 * charge names the balance transaction that takes it back.
 */
function failed(event: StripeEvent, payment: string, currency: IsoCurrency, authorised: bigint): Meaning {
  if (idAt(event.object, 'failure_balance_transaction') === undefined)
    return noEffect('the payment failed: no money moved');
  const known = capturedTotal(event.object, currency, authorised);
  const amount = known > 0n ? known : authorised;
  const captured = {
    ...capturedEffect(event, payment, currency, authorised),
    amount,
    key: `${payment}:captured:${amount}`,
  };
  const reversed: PaymentEvent = {
    type: 'payment.reversed',
    key: `${payment}:reversed`,
    at: timeOf(expandedAt(event.object, 'failure_balance_transaction'), 'created', event.at),
    payment,
    amount,
    currency: currency.code,
    ...(captured.seller === undefined ? {} : { seller: captured.seller }),
  };
  return { kind: 'effects', effects: [captured, reversed], amount: { amount, currency: currency.code } };
}

function ended(how: 'expired' | 'cancelled', event: StripeEvent, payment: string, currency: IsoCurrency): PaymentEvent {
  return { type: 'payment.cancelled', key: `${payment}:${how}`, at: event.at, payment, currency: currency.code };
}

/** `amount_refunded` is a sum over refunds: only the refunds themselves, where the version embeds them, may post. */
function withRefunds(
  event: StripeEvent,
  captured: readonly PaymentEvent[],
  payment: string,
  currency: IsoCurrency,
  partlyCaptured: boolean,
): Meaning {
  const list = event.fetched === null ? listAt(event.object, 'refunds', 'data') : listAt(event.fetched, 'data');
  const refunds = list.filter(isObject);
  const told = textAt(event.object, 'amount_refunded');
  const amount = told === undefined ? null : { amount: isoAmount(told, currency), currency: currency.code };
  if (refunds.length === 0) {
    const reason =
      'it tells how much was refunded in all, not which refund: that comes with refund.created, or when it is asked for';
    return fetchFor(event, 'refunds of', payment, reason, amount);
  }
  const old = event.apiVersion === null || event.apiVersion.slice(0, 10) < NO_REVERSAL_REFUNDS_FROM;
  if (old && partlyCaptured && refunds.some((refund) => expandedAt(refund, 'balance_transaction') === undefined)) {
    const reason =
      'the charge was captured in part, and in this API version the release of the rest is also a refund: only the balance transaction tells which';
    return fetchFor(event, 'refunds of', payment, reason, amount);
  }
  const effects = refunds
    .filter((refund) => !isReversalOfUncaptured(refund))
    .flatMap((refund) => refundEffects(refund, event.at, payment));
  return { kind: 'effects', effects: [...captured, ...effects], amount };
}
