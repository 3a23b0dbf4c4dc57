import { checkout } from '../../../src/providers/checkout/index.ts';
import { sign } from '../../../src/providers/checkout/sign.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

export const URL = 'https://gateway.example/webhooks/checkout';
export const NOW = 1_767_225_600_000;

/** An event of ours in Checkout.com's layout. */
export function checkoutEvent(type: string, data: object, change: object = {}): Buffer {
  const event = {
    id: 'evt_made1',
    type,
    version: '1.0.29',
    created_on: '2026-01-01T00:00:00.1234567Z',
    data,
    _links: { self: { href: 'https://made.api.sandbox.checkout.com/workflows/events/evt_made1' } },
    ...change,
  };
  return Buffer.from(JSON.stringify(event));
}

export function payment(change: object = {}): object {
  return {
    id: 'pay_made1',
    action_id: 'act_made1',
    reference: 'ORDER-1',
    amount: 6540,
    currency: 'USD',
    processed_on: '2025-12-31T23:00:00.4695512Z',
    balances: { total_authorized: 6540, total_captured: 6540, available_to_capture: 0 },
    ...change,
  };
}

const about = (n: number): object => ({ id: `evt_made${n}` });
const captured = (n: number, change: object = {}): object =>
  payment({ id: `pay_made${n}`, action_id: `act_made${n}`, ...change });

export const samples: ProviderSamples = {
  provider: checkout,
  settings: {},
  now: NOW,
  secrets: ['made-signature-key-1', 'made%signature*key-2'],
  sign: (body, secret) => ({ method: 'POST', url: URL, headers: sign(body, secret), body }),
  context: (secrets, now) => ({
    secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
    settings: {},
    now,
    certificates: { get: () => undefined },
  }),
  money: (n) => checkoutEvent('payment_captured', captured(n), about(n)),
  retried: (n) =>
    checkoutEvent('payment_captured', captured(n), { ...about(n), action_invocations: [{ status: 'unsuccessful' }] }),
  altered: (n) => checkoutEvent('payment_captured', captured(n, { amount: 1 }), about(n)),
  unknownType: () => checkoutEvent('payment_teleported', payment()),
  staleAfterMs: null,
  idSigned: true,
  namesSecret: true,
};
