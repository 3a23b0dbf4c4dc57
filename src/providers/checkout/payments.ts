import { textAt } from '../../exact-json.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import type { Told } from './told.ts';

/**
 * One payment has many actions: each partial capture, refund or void is one, with an `action_id` and an amount of its
 * own; `balances` tells what is left. Undefined: a type this file does not know.
 * checkout.com/docs/developer-resources/event-notifications/event-types
 */
export function paymentEffects({ type, data, at, money }: Told): readonly PaymentEvent[] | undefined {
  const payment = textAt(data, 'id') ?? '';
  const action = textAt(data, 'action_id') ?? payment;
  const refund = { at, refund: action, payment, ...money };
  switch (type) {
    case 'payment_approved':
      return [{ type: 'payment.authorised', key: `${payment}:authorised`, at, payment, ...money }];
    case 'payment_captured': {
      const left = textAt(data, 'balances', 'available_to_capture');
      const authorisation = { amount: money.amount, final: left === undefined || left === '0' };
      return [{ type: 'payment.captured', key: `${action}:captured`, at, payment, ...money, authorisation }];
    }
    case 'payment_voided': {
      const left = textAt(data, 'balances', 'available_to_capture');
      if (left !== undefined && left !== '0') return [];
      return [{ type: 'payment.cancelled', key: `${payment}:cancelled`, at, payment, currency: money.currency }];
    }
    case 'payment_canceled':
    case 'payment_expired':
      return [{ type: 'payment.cancelled', key: `${payment}:cancelled`, at, payment, currency: money.currency }];
    case 'payment_refund_pending':
      return [{ type: 'refund.created', key: `${action}:created`, ...refund }];
    case 'payment_refunded':
      return [{ type: 'refund.succeeded', key: `${action}:succeeded`, ...refund }];
    case 'payment_refund_declined':
      return [{ type: 'refund.failed', key: `${action}:failed`, ...refund }];
    case 'payment_returned':
      // Direct debits fail after success: what was captured goes back.
      return [{ type: 'payment.reversed', key: `${action}:returned`, at, payment, ...money }];
    default:
      return undefined;
  }
}
