import { paystack } from '../../../src/providers/paystack/index.ts';
import { sign } from '../../../src/providers/paystack/sign.ts';
import type { EndpointSettings } from '../../../src/providers/provider.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

export const NOW = 1_767_225_600_000;
const URL = 'https://gateway.example/webhooks/paystack';
const SETTINGS: EndpointSettings = { mode: 'live' };

export function paystackEvent(event: string, data: object): Buffer {
  return Buffer.from(JSON.stringify({ event, data }));
}

/** A charge of ours in Paystack's layout. */
export function paystackCharge(change: object = {}): Record<string, unknown> {
  return {
    id: 4_099_260_516,
    domain: 'live',
    status: 'success',
    reference: 'made-ref-1',
    amount: 40_333,
    paid_at: '2025-12-31T23:00:00.000Z',
    created_at: '2025-12-31T22:59:00.000Z',
    currency: 'NGN',
    metadata: '',
    fees: 10_283,
    fees_split: null,
    plan: {},
    split: {},
    subaccount: {},
    ...change,
  };
}

const charge = (n: number, amount: number): Buffer =>
  paystackEvent('charge.success', paystackCharge({ id: 7_000_000_000 + n, reference: `made-ref-${n}`, amount }));

export const samples: ProviderSamples = {
  provider: paystack,
  settings: SETTINGS,
  now: NOW,
  secrets: ['sk_test_madeKeyOne', 'sk_test_madeKeyTwo'],
  sign: (body, secret) => ({ method: 'POST', url: URL, headers: sign({ body }, secret), body }),
  context: (secrets, now) => ({
    secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
    settings: SETTINGS,
    now,
    certificates: { get: () => undefined },
  }),
  money: (n) => charge(n, 40_000 + n),
  retried(n) {
    const { event, data } = JSON.parse(samples.money(n).toString()) as Record<string, unknown>;
    return Buffer.from(JSON.stringify({ data, event }));
  },
  altered: (n) => charge(n, 9),
  unknownType: () => paystackEvent('teleport.success', { id: 1, status: 'success' }),
  staleAfterMs: null,
  idSigned: false,
  namesSecret: true,
};
