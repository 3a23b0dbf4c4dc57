import { sign } from '../providers/flutterwave/sign.ts';
import { currencies, type Life, stableText } from './life.ts';
import { inHeaders, type Simulator } from './simulator.ts';
import { inSteps, majorNumber } from './told-event.ts';

/**
 * A life as Flutterwave v4 tells it, whose bodies are signed (developer.flutterwave.com/docs/webhooks). v3 proves its sender
 * only, so its money would wait for the API. A refund names no currency: the account here has one.
 */
const tellFlutterwave = inSteps((life, tell) => {
  const event = (type: string, data: object): void =>
    tell(({ n, at }) => ({
      id: `wbk_${stableText(life, `event${n}`, 20)}`,
      timestamp: at,
      type,
      data: { ...data, created_datetime: at / 1000 },
    }));

  event('charge.completed', {
    id: chargeId(life),
    amount: majorNumber(life, life.amount),
    currency: life.currency,
    customer: { id: `cus_${stableText(life, 'customer', 10)}` },
    meta: {},
    payment_method: { id: `pmd_${stableText(life, 'method', 10)}`, type: 'card' },
    reference: `order-${life.number}`,
    status: 'succeeded',
  });
  for (const [index, { amount, outcome }] of life.refunds.entries()) {
    const succeeded = outcome === 'succeeded';
    event(succeeded ? 'refund.completed' : 'refund.failed', {
      id: `rfd_${stableText(life, `refund${index}`, 10)}`,
      amount_refunded: majorNumber(life, amount),
      charge_id: chargeId(life),
      reason: 'requested_by_customer',
      status: succeeded ? 'succeeded' : 'failed',
    });
  }
});

function chargeId(life: Life): string {
  return `chg_${stableText(life, 'charge', 10)}`;
}

export const flutterwave: Simulator = {
  provider: 'flutterwave',
  currencies: currencies('NGN'),
  abilities: {
    captures: 'at_once',
    captureFailure: 'none',
    fees: false,
    refunds: 'many',
    refundFailure: 'at_once',
    disputes: 'none',
    payouts: 'none',
  },
  tell: tellFlutterwave,
  sign: inHeaders(sign),
  keys: { kind: 'shared', secret: (random) => random.text(32) },
  settings: () => ({ mode: 'test', version: 'v4', currency: 'NGN' }),
  forgeries: { stale: null },
};
