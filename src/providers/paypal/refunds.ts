import { type Json, listAt, textAt } from '../../exact-json.ts';
import type { PaymentEvent, Refund } from '../../payment-event.ts';
import { deferredFor, effectsOf, fetchFirst } from '../normalised.ts';
import type { Normalised } from '../provider.ts';
import { incomplete, type Told } from './payments.ts';
import { moneyAt, relatedId, timeOf } from './resource.ts';

const TYPES: Readonly<Record<string, Refund['type']>> = {
  COMPLETED: 'refund.succeeded',
  PENDING: 'refund.created',
  FAILED: 'refund.failed',
  CANCELLED: 'refund.failed',
};

const UNITS_MAX = 10;
const REFUNDS_MAX = 100;

/** What a capture or a sale says of itself once something of it was given back; no refund ever has these. */
const REFUNDED_PAYMENT = /^(?:partially_)?refunded$/i;

/**
 * The resource of "… REFUNDED" is the refund: in v2 with a link up to its capture, in v1 with the sale's or capture's id.
 * A capture that only tells it was refunded does not say which refund, nor how much of it is new: it waits.
 */
export function refunded(told: Told, expected: 'COMPLETED' | 'PENDING' | 'FAILED'): Normalised {
  const { resource, references } = told;
  const status = statusOf(resource, expected);
  const payment = relatedId(resource, 'capture') ?? relatedId(resource, 'sale');
  if (REFUNDED_PAYMENT.test(status) || (payment === undefined && told.resourceType !== 'refund')) {
    return refundsOfPayment(told);
  }
  const money = moneyAt(resource, 'amount');
  if (textAt(resource, 'id') === undefined || money === undefined) return incomplete(told, 'id or amount');
  const effects = effectsOfRefund(resource, status, payment, told.at);
  if (effects === null) return unknownStatus({ references, amount: money }, status);
  return effectsOf({ references, amount: money }, effects);
}

/** Its order lists the refunds; a payment without one (version 1, payouts) cannot be asked for them. */
function refundsOfPayment({ resource, references, order, at }: Told): Normalised {
  const about = { references, amount: null };
  const reason = 'the event names the payment that was refunded, not the refund';
  const payment = textAt(resource, 'id');
  const orderId = textAt(resource, 'supplementary_data', 'related_ids', 'order_id');
  if (order === null && orderId !== undefined) return fetchFirst(about, { kind: 'order', id: orderId }, reason);
  const effects: PaymentEvent[] = [];
  for (const unit of listAt(order ?? undefined, 'purchase_units').slice(0, UNITS_MAX)) {
    for (const refund of listAt(unit, 'payments', 'refunds').slice(0, REFUNDS_MAX)) {
      if (payment === undefined || relatedId(refund, 'capture') !== payment) continue;
      const status = statusOf(refund, '');
      const own = effectsOfRefund(refund, status, payment, timeOf(refund, at));
      if (own === null) return unknownStatus(about, status);
      effects.push(...own);
    }
  }
  return effects.length === 0 ? deferredFor(about, 'object', reason) : effectsOf(about, effects);
}

function statusOf(refund: Json | undefined, otherwise: string): string {
  return (textAt(refund, 'status') ?? textAt(refund, 'state') ?? otherwise).toUpperCase();
}

function unknownStatus(about: Pick<Normalised, 'references' | 'amount'>, status: string): Normalised {
  return deferredFor(about, 'adapter', `the adapter does not know the refund status "${status.slice(0, 40)}"`);
}

/** Null where its status is not known. */
function effectsOfRefund(
  refund: Json | undefined,
  status: string,
  payment: string | undefined,
  at: number,
): PaymentEvent[] | null {
  const id = textAt(refund, 'id');
  const money = moneyAt(refund, 'amount');
  const type = Object.hasOwn(TYPES, status) ? TYPES[status] : undefined;
  if (type === undefined || id === undefined || money === undefined) return null;
  const effects: PaymentEvent[] = [
    {
      type,
      key: `${id}:${type.slice('refund.'.length)}`,
      at,
      refund: id,
      ...(payment === undefined ? {} : { payment }),
      ...money,
    },
  ];
  // What PayPal gives back of its fee: a fee below zero.
  const fee = moneyAt(refund, 'seller_payable_breakdown', 'paypal_fee');
  if (type === 'refund.succeeded' && fee !== undefined && fee.amount !== 0n) {
    effects.push({
      type: 'payment.fee_known',
      key: `${id}:fee`,
      at,
      reference: id,
      of: 'refund',
      ...fee,
      amount: -fee.amount,
    });
  }
  return effects;
}
