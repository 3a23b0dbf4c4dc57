import { sign } from '../providers/checkout/sign.ts';
import { CURRENCIES, type Life, moment, stableText } from './life.ts';
import type { Simulator } from './simulator.ts';
import { inSteps, isoTime, wireNumber } from './told-event.ts';

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * A life as Checkout.com tells it: each capture, refund or return is an action of one payment
 * (checkout.com/docs/developer-resources/event-notifications/event-types). Fees and payouts are in reports only.
 */
const tellCheckout = inSteps((life, tell) => {
  const event = (type: string, data: object): void =>
    tell(({ n, at }) => ({
      id: `evt_${stableText(life, `event${n}`, 26, BASE32)}`,
      type,
      version: '1.0.29',
      created_on: isoTime(at),
      data: { ...data, [type.startsWith('dispute_') ? 'date' : 'processed_on']: isoTime(at) },
      _links: { self: { href: `https://api.sandbox.checkout.com/workflows/events/evt_${n}` } },
    }));
  const action = (type: string, name: string, amount: bigint, left = 0n): void =>
    event(type, {
      id: paymentId(life),
      action_id: actionId(life, name),
      reference: `order-${life.number}`,
      amount: wireNumber(amount),
      currency: life.currency,
      balances: { total_authorized: wireNumber(life.amount), available_to_capture: wireNumber(left) },
    });

  action('payment_approved', 'authorisation', life.amount, life.amount);
  const parts = life.captures ?? [life.amount];
  let left = life.amount;
  for (const [index, amount] of parts.entries()) {
    left = index === parts.length - 1 ? 0n : left - amount;
    action('payment_captured', `capture${index}`, amount, left);
  }
  // Direct debits come back after they succeeded.
  if (life.captureFails) action('payment_returned', 'return', parts.at(-1) ?? 0n);
  for (const [index, { amount, outcome }] of life.refunds.entries()) {
    action('payment_refund_pending', `refund${index}`, amount);
    action(outcome === 'succeeded' ? 'payment_refunded' : 'payment_refund_declined', `refund${index}`, amount);
  }
  tellDispute(life, event);
});

function tellDispute(life: Life, event: (type: string, data: object) => void): void {
  if (life.dispute === null) return;
  const data = {
    id: `dsp_${stableText(life, 'dispute', 26, BASE32)}`,
    payment_id: paymentId(life),
    payment_reference: `order-${life.number}`,
    amount: wireNumber(life.dispute.amount),
    currency: life.currency,
    category: 'fraudulent',
    reason_code: '10.4',
    payment_method: 'VISA',
    evidence_required_by: isoTime(moment(life, 5_000)),
  };
  event('dispute_received', data);
  event('dispute_evidence_required', data);
  if (life.dispute.outcome !== 'open') event(`dispute_${life.dispute.outcome}`, data);
}

export const actionId = (life: Life, name: string): string => `act_${stableText(life, name, 26, BASE32)}`;

export function paymentId(life: Life): string {
  return `pay_${stableText(life, 'payment', 26, BASE32)}`;
}

export const checkout: Simulator = {
  provider: 'checkout',
  currencies: CURRENCIES,
  abilities: {
    captures: 'parts',
    captureFailure: 'any',
    fees: false,
    refunds: 'many',
    refundFailure: 'at_once',
    disputes: 'outcome',
    payouts: 'none',
  },
  tell: tellCheckout,
  sign: (body, { secret, settings }) => ({ headers: sign(body, secret, settings), body }),
  keys: { kind: 'shared', secret: (random) => random.text(32) },
  settings: () => ({ mode: 'test' }),
  forgeries: { stale: null },
};
