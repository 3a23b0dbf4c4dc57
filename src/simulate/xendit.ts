import { sign } from '../providers/xendit/sign.ts';
import { currencies, type Life, stableText, stableUuid } from './life.ts';
import { HEX } from './random.ts';
import { inHeaders, type Simulator } from './simulator.ts';
import { inSteps, isoTime, majorNumber } from './told-event.ts';

/**
 * A life as Xendit tells it (docs.xendit.co/docs/payments-api-webhooks). A token proves the sender and nothing of the body,
 * so its amounts are believed only once the API has told the same.
 */
const tellXendit = inSteps((life, tell) => {
  const event = (type: string, data: object): void =>
    tell(({ at }) => ({
      event: type,
      business_id: stableText(life, 'business', 24, HEX),
      created: isoTime(at),
      data: { ...data, currency: life.currency, created: isoTime(life.startedAt), updated: isoTime(at) },
      api_version: 'v3',
    }));
  const payment = {
    payment_id: paymentId(life),
    payment_request_id: `pr-${stableUuid(life, 'request')}`,
    reference_id: `order-${life.number}`,
    request_amount: majorNumber(life, life.amount),
    channel_code: 'CARDS',
  };
  if (life.captures !== null) event('payment.authorization', { ...payment, status: 'AUTHORIZED' });
  event('payment.capture', { ...payment, status: 'SUCCEEDED' });
  for (const [index, { amount, outcome }] of life.refunds.entries()) {
    const succeeded = outcome === 'succeeded';
    event(succeeded ? 'refund.succeeded' : 'refund.failed', {
      id: `rfd-${stableUuid(life, `refund${index}`)}`,
      payment_id: paymentId(life),
      amount: majorNumber(life, amount),
      reason: 'REQUESTED_BY_CUSTOMER',
      status: succeeded ? 'SUCCEEDED' : 'FAILED',
    });
  }
});

function paymentId(life: Life): string {
  return `py-${stableUuid(life, 'payment')}`;
}

export const xendit: Simulator = {
  provider: 'xendit',
  currencies: currencies('IDR', 'PHP', 'THB'),
  abilities: {
    captures: 'whole',
    captureFailure: 'none',
    fees: false,
    refunds: 'many',
    refundFailure: 'at_once',
    disputes: 'none',
    payouts: 'none',
  },
  tell: tellXendit,
  sign: inHeaders(sign),
  keys: { kind: 'shared', secret: (random) => random.text(48) },
  settings: () => ({ mode: 'test' }),
  // The body is in nobody's signature: a changed one is found out when its object is fetched.
  forgeries: { body: null, stale: null },
};
