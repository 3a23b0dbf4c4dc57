import { sign } from '../providers/coinbase-commerce/sign.ts';
import { CURRENCIES, type Life, moment, stableText, stableUuid } from './life.ts';
import { HEX, UPPER } from './random.ts';
import { inHeaders, type Simulator } from './simulator.ts';
import { inSteps, isoSeconds, majorText } from './told-event.ts';

/**
 * A life as Coinbase Commerce tells it: a charge, and the payment seen on its blockchain. Nothing comes back there
 * (docs.cdp.coinbase.com/commerce/api-architecture/webhooks-fields).
 */
const tellCoinbase = inSteps((life, tell) => {
  for (const [type, status] of [
    ['charge:created', null],
    ['charge:pending', 'PENDING'],
    ['charge:confirmed', 'CONFIRMED'],
  ] as const) {
    tell(({ n, at }) => ({
      attempt_number: 1,
      event: {
        api_version: '2018-03-22',
        created_at: isoSeconds(at),
        data: charge(life, status),
        id: stableUuid(life, `event${n}`),
        resource: 'event',
        type,
      },
      id: stableUuid(life, `attempt${n}`),
      scheduled_for: isoSeconds(at),
    }));
  }
});

function charge(life: Life, status: 'PENDING' | 'CONFIRMED' | null): object {
  const local = { amount: majorText(life, life.amount), currency: life.currency };
  const payment = {
    network: 'ethereum',
    transaction_id: `0x${stableText(life, 'transaction', 64, HEX)}`,
    status,
    detected_at: isoSeconds(moment(life, 2)),
    value: { local, crypto: { amount: '0.041234567890123456', currency: 'ETH' } },
    block: { height: 19_000_000 + life.number, hash: `0x${stableText(life, 'block', 64, HEX)}`, confirmations: 8 },
  };
  return {
    id: stableUuid(life, 'charge'),
    code: stableText(life, 'code', 8, UPPER),
    name: `order-${life.number}`,
    pricing_type: 'fixed_price',
    created_at: isoSeconds(life.startedAt),
    expires_at: isoSeconds(life.startedAt + 3_600_000),
    pricing: { local, ethereum: { amount: '0.041234567', currency: 'ETH' } },
    payments: status === null ? [] : [payment],
  };
}

export const coinbaseCommerce: Simulator = {
  provider: 'coinbase-commerce',
  currencies: CURRENCIES,
  abilities: {
    captures: 'at_once',
    captureFailure: 'none',
    fees: false,
    refunds: 'none',
    refundFailure: 'none',
    disputes: 'none',
    payouts: 'none',
  },
  tell: tellCoinbase,
  sign: inHeaders(sign),
  keys: { kind: 'shared', secret: (random) => random.text(32) },
  settings: () => ({ mode: 'test' }),
  forgeries: { stale: null },
};
