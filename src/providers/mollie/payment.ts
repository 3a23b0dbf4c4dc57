import { at, isObject, type Json, type JsonObject, listAt, textAt } from '../../exact-json.ts';
import type { Money } from '../../money.ts';
import type { PaymentCaptured, PaymentEvent } from '../../payment-event.ts';
import { references } from '../normalised.ts';
import { firstTime, type Meaning, positiveMoneyAt } from './resource.ts';

/** As many as Mollie lists for one payment; more would be no answer of Mollie's. */
const LISTED_MAX = 1_000;

/**
 * A payment with what is embedded in it. An automatic payment is captured by being paid; a manual one by each of its
 * captures, which then carry the money. docs.mollie.com/reference/get-payment
 */
export function paymentMeaning(payment: JsonObject, receivedAt: number, snapshot: boolean): Meaning {
  const id = textAt(payment, 'id');
  const status = textAt(payment, 'status');
  const money = positiveMoneyAt(payment, 'amount');
  const [captures, refunds, chargebacks] = ['captures', 'refunds', 'chargebacks'].map((name) =>
    listAt(payment, '_embedded', name).slice(0, LISTED_MAX),
  );
  const about = {
    references: references(
      ['payment', id],
      ['order', textAt(payment, 'orderId')],
      ['subscription', textAt(payment, 'subscriptionId')],
      ...(refunds ?? []).map((one) => ['refund', textAt(one, 'id')] as const),
      ...(chargebacks ?? []).map((one) => ['dispute', textAt(one, 'id')] as const),
    ),
    amount: money ?? null,
  };
  if (id === undefined || status === undefined || money === undefined) {
    return { ...about, kind: 'incomplete', reason: 'the payment has no id, status or amount' };
  }
  const manual = isCapturedApart(payment);
  if (snapshot && (manual || isObject(at(payment, '_links', 'captures')))) {
    return { ...about, kind: 'fetch', payment: id, reason: 'the captures of the payment are not in the event' };
  }
  if (manual && status === 'paid' && (captures ?? []).length === 0) {
    return { ...about, kind: 'incomplete', reason: 'the payment is paid by captures, but none is listed' };
  }
  const own = ownEffects(payment, { id, status, money, receivedAt, captured: (captures ?? []).length > 0 });
  if (own === null) {
    return { ...about, kind: 'unknown', reason: `the payment status "${status.slice(0, 40)}"` };
  }
  const effects: PaymentEvent[] = [...own];
  const parts = [
    ...(captures ?? []).map((one) => captureMeaning(one, receivedAt, status === 'paid')),
    ...(refunds ?? []).map((one) => refundMeaning(one, receivedAt)),
    ...(chargebacks ?? []).map((one) => chargebackMeaning(one, receivedAt)),
  ];
  for (const part of parts) {
    if (part.kind === 'effects') effects.push(...part.effects);
    // One part that is not understood would leave a hole in what the payment posts.
    else if (part.kind !== 'no_effect') return { ...part, ...about };
  }
  return effects.length === 0
    ? { ...about, kind: 'no_effect', reason: `evidence: a payment that is ${status} moved no money` }
    : { ...about, kind: 'effects', effects };
}

/** `amountCaptured` is there for what can be captured apart: manual capture mode, Klarna and the like. */
function isCapturedApart(payment: JsonObject): boolean {
  return (
    textAt(payment, 'captureMode') === 'manual' ||
    isObject(at(payment, 'amountCaptured')) ||
    listAt(payment, '_embedded', 'captures').length > 0
  );
}

type Told = {
  readonly id: string;
  readonly status: string;
  readonly money: Money;
  readonly receivedAt: number;
  readonly captured: boolean;
};

function ownEffects(payment: JsonObject, told: Told): PaymentEvent[] | null {
  const { id, status, money, receivedAt, captured } = told;
  const time = (...names: string[]): number => firstTime(payment, receivedAt, ...names, 'createdAt');
  const { currency } = money;
  switch (status) {
    case 'paid':
      if (captured) return [];
      return [
        {
          type: 'payment.captured',
          key: `${id}:captured`,
          at: time('paidAt'),
          payment: id,
          ...money,
          authorisation: { amount: money.amount, final: true },
        },
      ];
    case 'authorized':
      return [{ type: 'payment.authorised', key: `${id}:authorised`, at: time('authorizedAt'), payment: id, ...money }];
    case 'failed':
      return [{ type: 'payment.failed', key: `${id}:failed`, at: time('failedAt'), payment: id, currency }];
    case 'canceled':
    case 'expired': {
      const ended = status === 'canceled' ? 'canceledAt' : 'expiredAt';
      return [{ type: 'payment.cancelled', key: `${id}:cancelled`, at: time(ended), payment: id, currency }];
    }
    case 'open':
    case 'pending':
      return [];
    default:
      return null;
  }
}

/** `final`: the payment is paid, so nothing more of its authorisation can be captured. */
export function captureMeaning(capture: Json, receivedAt: number, final: boolean): Meaning {
  const [id, payment] = [textAt(capture, 'id'), textAt(capture, 'paymentId')];
  const money = positiveMoneyAt(capture, 'amount');
  const about = { references: references(['payment', payment], ['capture', id]), amount: money ?? null };
  if (id === undefined || payment === undefined || money === undefined) {
    return { ...about, kind: 'incomplete', reason: 'a capture has no id, payment or amount' };
  }
  const at = firstTime(capture, receivedAt, 'createdAt');
  // Older answers have no status: there was a capture only once it had succeeded.
  const status = textAt(capture, 'status') ?? 'succeeded';
  const captured: PaymentCaptured = {
    type: 'payment.captured',
    key: `${id}:captured`,
    at,
    payment,
    ...money,
    authorisation: { amount: money.amount, final },
  };
  switch (status) {
    case 'pending':
      return { ...about, kind: 'no_effect', reason: 'evidence: the capture is under way' };
    case 'succeeded':
      return { ...about, kind: 'effects', effects: [captured] };
    case 'failed':
      return {
        ...about,
        kind: 'effects',
        effects: [{ type: 'payment.reversed', key: `${id}:failed`, at, payment, ...money, captureKey: captured.key }],
      };
    default:
      return { ...about, kind: 'unknown', reason: `the capture status "${status.slice(0, 40)}"` };
  }
}

/** docs.mollie.com/docs/refunds#refund-statuses */
const REFUNDS: ReadonlyMap<string, 'refund.created' | 'refund.succeeded' | 'refund.failed'> = new Map([
  ['queued', 'refund.created'],
  ['pending', 'refund.created'],
  ['processing', 'refund.created'],
  ['refunded', 'refund.succeeded'],
  // The money comes back after processing failed; a canceled one never left: either way nothing remains of it.
  ['failed', 'refund.failed'],
  ['canceled', 'refund.failed'],
]);

export function refundMeaning(refund: Json, receivedAt: number): Meaning {
  const [id, payment] = [textAt(refund, 'id'), textAt(refund, 'paymentId')];
  const money = positiveMoneyAt(refund, 'amount');
  const about = { references: references(['payment', payment], ['refund', id]), amount: money ?? null };
  const status = textAt(refund, 'status');
  if (id === undefined || money === undefined || status === undefined) {
    return { ...about, kind: 'incomplete', reason: 'a refund has no id, status or amount' };
  }
  const type = REFUNDS.get(status);
  if (type === undefined) return { ...about, kind: 'unknown', reason: `the refund status "${status.slice(0, 40)}"` };
  const key = `${id}:${type.slice('refund.'.length)}`;
  const at = firstTime(refund, receivedAt, 'createdAt');
  const of = payment === undefined ? {} : { payment };
  return { ...about, kind: 'effects', effects: [{ type, key, at, refund: id, ...of, ...money }] };
}

/** A second chargeback of one payment has an id of its own. docs.mollie.com/reference/get-chargeback */
export function chargebackMeaning(chargeback: Json, receivedAt: number): Meaning {
  const id = textAt(chargeback, 'id');
  const money = positiveMoneyAt(chargeback, 'amount');
  const about = {
    references: references(['payment', textAt(chargeback, 'paymentId')], ['dispute', id]),
    amount: money ?? null,
  };
  if (id === undefined || money === undefined) {
    return { ...about, kind: 'incomplete', reason: 'a chargeback has no id or no amount' };
  }
  const withdrawn: PaymentEvent = {
    type: 'dispute.withdrawn',
    key: `${id}:withdrawn`,
    at: firstTime(chargeback, receivedAt, 'createdAt'),
    dispute: id,
    ...money,
  };
  if (textAt(chargeback, 'reversedAt') === undefined) return { ...about, kind: 'effects', effects: [withdrawn] };
  const at = firstTime(chargeback, receivedAt, 'reversedAt', 'createdAt');
  const back: PaymentEvent = { type: 'dispute.reinstated', key: `${id}:reinstated`, at, dispute: id, ...money };
  return { ...about, kind: 'effects', effects: [withdrawn, back] };
}
