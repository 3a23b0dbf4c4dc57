import type { EndpointSettings } from '../../../src/providers/provider.ts';
import { stripe } from '../../../src/providers/stripe/index.ts';
import { sign } from '../../../src/providers/stripe/sign.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

const URL = 'https://gateway.example/webhooks/stripe';
const NOW = 1_767_225_600_000;
const SETTINGS: EndpointSettings = {};

/** A snapshot event around `object`, made by us in Stripe's layout. */
export function stripeEvent(type: string, object: object, change: object = {}): Buffer {
  const event = {
    id: 'evt_1Made00000000001',
    object: 'event',
    api_version: '2025-10-29.clover',
    created: 1_767_225_590,
    livemode: true,
    pending_webhooks: 2,
    request: { id: 'req_made', idempotency_key: 'key-made' },
    type,
    data: { object },
    ...change,
  };
  return Buffer.from(JSON.stringify(event));
}

export function stripeCharge(change: object = {}): Record<string, unknown> {
  return {
    id: 'ch_1',
    object: 'charge',
    amount: 12_345,
    amount_captured: 12_345,
    amount_refunded: 0,
    balance_transaction: 'txn_1',
    captured: true,
    created: 1_767_225_500,
    currency: 'eur',
    customer: 'cus_1',
    livemode: true,
    metadata: { order_id: 'A-1001' },
    paid: true,
    payment_intent: 'pi_1',
    refunded: false,
    status: 'succeeded',
    ...change,
  };
}

const about = (n: number): object => ({ id: `evt_${n}` });
const charge = (n: number, change: object = {}): object =>
  stripeCharge({ id: `ch_${n}`, amount: 1000 + n, amount_captured: 1000 + n, ...change });

export const samples: ProviderSamples = {
  provider: stripe,
  settings: SETTINGS,
  now: NOW,
  secrets: ['whsec_contract_suite_first', 'whsec_contract_suite_second'],
  sign: (body, secret, now) => ({
    method: 'POST',
    url: URL,
    headers: sign({ body, url: URL }, secret, now, SETTINGS),
    body,
  }),
  context: (secrets, now) => ({
    secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
    settings: SETTINGS,
    now,
    certificates: { get: () => undefined },
  }),
  money: (n) => stripeEvent('charge.succeeded', charge(n), about(n)),
  retried: (n) => stripeEvent('charge.succeeded', charge(n), { ...about(n), pending_webhooks: 1 }),
  altered: (n) => stripeEvent('charge.succeeded', charge(n, { amount: 9, amount_captured: 9 }), about(n)),
  unknownType: () => stripeEvent('charge.teleported', { id: 'ch_1', object: 'charge' }),
  staleAfterMs: 300_000,
  idSigned: true,
  namesSecret: true,
};
