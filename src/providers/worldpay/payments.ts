import { type Json, textAt } from '../../exact-json.ts';
import type { Money } from '../../money.ts';
import type { PaymentEvent } from '../../payment-event.ts';

/** What an event tells of a payment. `at` is unix ms. */
export type Told = {
  readonly type: string;
  readonly details: Json | undefined;
  readonly at: number;
  readonly money: Money;
};

/**
 * A payment is the merchant's own `transactionReference`; each partial settlement or refund has a `reference` besides.
 * `sentForSettlement` says that the money was asked for, `settled` that it is there: one movement, told by whichever is
 * switched on. Undefined: a type this file does not know. docs.worldpay.com/access/products/events/openapi/payment
 */
export function paymentEffects({ type, details, at, money }: Told): readonly PaymentEvent[] | undefined {
  const payment = textAt(details, 'transactionReference') ?? '';
  const reference = textAt(details, 'reference');
  const captured = keyOf(payment, 'captured', reference);
  const refundId = idOf(payment, reference);
  const refund = { at, refund: refundId, payment, ...money };
  switch (type) {
    case 'authorized':
      return [{ type: 'payment.authorised', key: keyOf(payment, 'authorised'), at, payment, ...money }];
    case 'sentForSettlement':
    case 'settled': {
      const authorisation = { amount: money.amount, final: reference === undefined };
      return [{ type: 'payment.captured', key: captured, at, payment, ...money, authorisation }];
    }
    case 'settlementFailed':
      return [
        {
          type: 'payment.reversed',
          key: keyOf(payment, 'reversed', reference),
          at,
          payment,
          captureKey: captured,
          ...money,
        },
      ];
    case 'cancelled':
    case 'expired':
      return [{ type: 'payment.cancelled', key: keyOf(payment, 'cancelled'), at, payment, currency: money.currency }];
    case 'sentForRefund':
      return [{ type: 'refund.created', key: `${refundId}:created`, ...refund }];
    case 'refunded':
      return [{ type: 'refund.succeeded', key: `${refundId}:succeeded`, ...refund }];
    case 'refundFailed':
      return [{ type: 'refund.failed', key: `${refundId}:failed`, ...refund }];
    case 'chargedBack':
      return [{ type: 'dispute.withdrawn', key: keyOf(payment, 'charged_back'), at, dispute: payment, ...money }];
    default:
      return undefined;
  }
}

/** References are the merchant's own texts: what stands between them must not be in them. */
export function idOf(payment: string, reference?: string): string {
  return [payment, ...(reference === undefined ? [] : [reference])].map(encodeURIComponent).join('/');
}

function keyOf(payment: string, effect: string, reference?: string): string {
  return `${idOf(payment, reference)}:${effect}`;
}
