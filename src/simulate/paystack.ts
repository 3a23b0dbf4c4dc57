import { sign } from '../providers/paystack/sign.ts';
import { currencies, type Life, moment, stableText } from './life.ts';
import { DIGITS } from './random.ts';
import { inHeaders, type Simulator } from './simulator.ts';
import { inSteps, isoTime, type Step, wireNumber } from './told-event.ts';

/**
 * A life as Paystack tells it (paystack.com/docs/payments/webhooks). Ids are numbers, refunds have none until they end, and a
 * dispute takes money only when it is accepted.
 */
const tellPaystack = inSteps((life, tell) => {
  const event = (type: string, data: (step: Step) => object): void =>
    tell((step) => ({ event: type, data: { domain: 'test', currency: life.currency, ...data(step) } }));

  event('charge.success', ({ at }) => ({
    id: numberOf(life, 'charge'),
    status: 'success',
    reference: reference(life),
    amount: wireNumber(life.amount),
    message: null,
    gateway_response: 'Successful',
    paid_at: isoTime(at),
    created_at: isoTime(life.startedAt),
    channel: 'card',
    metadata: { order: `order-${life.number}` },
    fees: life.fee.told === 'never' ? 0 : wireNumber(life.fee.amount),
    fees_split: null,
    authorization: { bin: '408408', last4: '4081', brand: 'visa', country_code: 'NG' },
    plan: {},
    split: {},
    subaccount: {},
  }));
  for (const [index, { amount, outcome }] of life.refunds.entries()) {
    const refund = { transaction_reference: reference(life), amount: `${amount}` };
    event('refund.pending', () => ({ ...refund, status: 'pending', refund_reference: null }));
    const status = outcome === 'succeeded' ? 'processed' : 'failed';
    const named = { refund_reference: `TRF_${stableText(life, `refund${index}`, 16)}` };
    event(`refund.${status}`, ({ at }) => ({ ...refund, ...named, status, refunded_at: isoTime(at) }));
  }
  if (life.dispute === null) return;
  const { amount, outcome } = life.dispute;
  const dispute = {
    id: numberOf(life, 'dispute'),
    refund_amount: wireNumber(amount),
    category: 'chargeback',
    created_at: isoTime(moment(life, 39)),
    transaction: { id: numberOf(life, 'charge'), reference: reference(life), amount: wireNumber(life.amount) },
  };
  event('charge.dispute.create', () => ({ ...dispute, status: 'awaiting-merchant-feedback', resolution: null }));
  if (outcome === 'open') return;
  const resolution = outcome === 'lost' ? 'merchant-accepted' : 'declined';
  event('charge.dispute.resolve', ({ at }) => ({
    ...dispute,
    status: 'resolved',
    resolution,
    resolvedAt: isoTime(at),
  }));
});

function reference(life: Life): string {
  return `order-${life.number}-${stableText(life, 'reference', 10)}`;
}

function numberOf(life: Life, label: string): number {
  return Number(`4${stableText(life, label, 9, DIGITS)}`);
}

export const paystack: Simulator = {
  provider: 'paystack',
  currencies: currencies('NGN', 'GHS', 'ZAR', 'KES', 'USD'),
  abilities: {
    captures: 'at_once',
    captureFailure: 'none',
    fees: true,
    refunds: 'many',
    refundFailure: 'at_once',
    disputes: 'loss',
    payouts: 'none',
  },
  tell: tellPaystack,
  sign: inHeaders(sign),
  keys: { kind: 'shared', secret: (random) => `sk_test_${random.text(40)}` },
  settings: () => ({ mode: 'test' }),
  forgeries: { stale: null },
};
