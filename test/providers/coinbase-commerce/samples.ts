import { coinbaseCommerce } from '../../../src/providers/coinbase-commerce/index.ts';
import { sign } from '../../../src/providers/coinbase-commerce/sign.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

export const URL = 'https://gateway.example/webhooks/coinbase-commerce';
export const NOW = 1_767_225_600_000;

/** One attempt to deliver an event of ours, in Coinbase Commerce's layout. */
export function chargeEvent(type: string, charge: object, event: object = {}, attempt = 1): Buffer {
  return Buffer.from(
    JSON.stringify({
      id: `attempt-${attempt}`,
      scheduled_for: `2026-01-01T00:00:0${attempt}Z`,
      attempt_number: attempt,
      event: {
        id: 'made-event-1',
        resource: 'event',
        type,
        api_version: '2018-03-22',
        created_at: '2026-01-01T00:00:00Z',
        data: charge,
        ...event,
      },
    }),
  );
}

export function cryptoPayment(change: object = {}): Record<string, unknown> {
  return {
    network: 'ethereum',
    transaction_id: '0xmade1',
    status: 'CONFIRMED',
    detected_at: '2025-12-31T23:59:00Z',
    value: {
      local: { amount: '100.00', currency: 'USD' },
      crypto: { amount: '0.041234567890123456', currency: 'ETH' },
    },
    ...change,
  };
}

export function madeCharge(change: object = {}): Record<string, unknown> {
  return {
    id: '00000000-0000-4000-8000-00000000c001',
    code: 'MADECODE',
    pricing: { local: { amount: '100.00', currency: 'USD' }, ethereum: { amount: '0.04', currency: 'ETH' } },
    payments: [cryptoPayment()],
    ...change,
  };
}

const money = (n: number, amount: string): object =>
  madeCharge({
    code: `MADE000${n}`,
    payments: [cryptoPayment({ transaction_id: `0xmade${n}`, value: { local: { amount, currency: 'USD' } } })],
  });
const confirmed = (n: number, amount: string, attempt = 1): Buffer =>
  chargeEvent('charge:confirmed', money(n, amount), { id: `made-event-${n}` }, attempt);

export const samples: ProviderSamples = {
  provider: coinbaseCommerce,
  settings: {},
  now: NOW,
  secrets: ['made-shared-secret-1', 'made-shared-secret-2'],
  sign: (body, secret, now) => ({ method: 'POST', url: URL, headers: sign({ body, url: URL }, secret, now), body }),
  context: (secrets, now) => ({
    secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
    settings: {},
    now,
    certificates: { get: () => undefined },
  }),
  money: (n) => confirmed(n, `10.0${n}`),
  retried: (n) => confirmed(n, `10.0${n}`, 2),
  altered: (n) => confirmed(n, '0.09'),
  unknownType: () => chargeEvent('charge:teleported', madeCharge()),
  staleAfterMs: null,
  idSigned: true,
  namesSecret: true,
};
