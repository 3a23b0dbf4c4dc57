import { textAt } from '../../exact-json.ts';
import type { PaymentEvent, Refund } from '../../payment-event.ts';
import { deferredFor, effectsOf } from '../normalised.ts';
import type { Normalised } from '../provider.ts';
import { incomplete, type Told } from './payments.ts';
import { moneyAt, relatedId } from './resource.ts';

const TYPES: Readonly<Record<string, Refund['type']>> = {
  COMPLETED: 'refund.succeeded',
  PENDING: 'refund.created',
  FAILED: 'refund.failed',
  CANCELLED: 'refund.failed',
};

/** What a capture or a sale says of itself once something of it was given back; no refund ever has these. */
const REFUNDED_PAYMENT = /^(?:partially_)?refunded$/i;

/**
 * The resource of "… REFUNDED" is the refund: in v2 with a link up to its capture, in v1 with the sale's or capture's id.
 * A capture that only tells it was refunded does not say which refund, nor how much of it is new: it waits.
 */
export function refunded(told: Told, expected: 'COMPLETED' | 'PENDING' | 'FAILED'): Normalised {
  const { resource, at, references } = told;
  const id = textAt(resource, 'id');
  const status = (textAt(resource, 'status') ?? textAt(resource, 'state') ?? expected).toUpperCase();
  const payment = relatedId(resource, 'capture') ?? relatedId(resource, 'sale');
  if (REFUNDED_PAYMENT.test(status) || (payment === undefined && told.resourceType !== 'refund')) {
    return deferredFor(
      { references, amount: null },
      'object',
      'the event names the payment that was refunded, not the refund',
    );
  }
  const money = moneyAt(resource, 'amount');
  if (id === undefined || money === undefined) return incomplete(told, 'id or amount');
  const type = Object.hasOwn(TYPES, status) ? TYPES[status] : undefined;
  if (type === undefined) {
    return deferredFor(
      { references, amount: money },
      'adapter',
      `the adapter does not know the refund status "${status.slice(0, 40)}"`,
    );
  }
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
  const fee = moneyAt(resource, 'seller_payable_breakdown', 'paypal_fee');
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
  return effectsOf({ references, amount: money }, effects);
}
