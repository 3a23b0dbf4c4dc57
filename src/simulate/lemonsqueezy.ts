import { sign } from '../providers/lemonsqueezy/sign.ts';
import { currencies, type Life, stableText, stableUuid } from './life.ts';
import { inHeaders, type Simulator } from './simulator.ts';
import { inSteps, isoTime, type Step, wireNumber } from './told-event.ts';

/** A life as Lemon Squeezy tells it: an order, and how much of it was refunded in all (docs.lemonsqueezy.com/help/webhooks/event-types). */
const tellLemonSqueezy = inSteps((life, tell, account) => {
  const event = (name: string, refunded: bigint): void =>
    tell((step) => ({
      meta: { event_name: name, test_mode: true, webhook_id: stableUuid(life, 'webhook'), custom_data: {} },
      data: {
        type: 'orders',
        id: `${life.number}${stableText(life, 'order', 6, '123456789')}`,
        attributes: order(life, account, refunded, step),
      },
    }));
  event('order_created', 0n);
  for (const { amount } of life.refunds) event('order_refunded', amount);
});

function order(life: Life, account: string, refunded: bigint, { at }: Step): object {
  const status = refunded === 0n ? 'paid' : refunded === life.amount ? 'refunded' : 'partial_refund';
  return {
    store_id: account,
    identifier: stableUuid(life, 'identifier'),
    order_number: life.number,
    user_email: `buyer-${life.number}@shop.example`,
    currency: life.currency,
    subtotal: wireNumber(life.amount),
    discount_total: 0,
    tax: 0,
    total: wireNumber(life.amount),
    refunded_amount: wireNumber(refunded),
    status,
    refunded: refunded > 0n,
    refunded_at: refunded > 0n ? isoTime(at) : null,
    created_at: isoTime(life.startedAt),
    updated_at: isoTime(at),
    test_mode: true,
  };
}

export const lemonsqueezy: Simulator = {
  provider: 'lemonsqueezy',
  currencies: currencies('EUR', 'USD', 'GBP'),
  abilities: {
    captures: 'at_once',
    captureFailure: 'none',
    fees: false,
    refunds: 'one',
    refundFailure: 'none',
    disputes: 'none',
    payouts: 'none',
  },
  tell: tellLemonSqueezy,
  sign: inHeaders(sign),
  keys: { kind: 'shared', secret: (random) => random.text(32) },
  settings: () => ({ mode: 'test' }),
  forgeries: { stale: null },
};
