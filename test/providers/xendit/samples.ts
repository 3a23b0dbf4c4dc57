import type { EndpointSettings } from '../../../src/providers/provider.ts';
import { xendit } from '../../../src/providers/xendit/index.ts';
import { sign } from '../../../src/providers/xendit/sign.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

export const NOW = 1_767_225_600_000;
const URL = 'https://gateway.example/webhooks/xendit';
export const SETTINGS: EndpointSettings = { api_key: 'xnd_development_madeKeyOfNobody' };

export function xenditEvent(event: string, data: object): Buffer {
  return Buffer.from(
    JSON.stringify({ event, business_id: 'made-business', created: '2026-01-01T00:00:00.000Z', data }),
  );
}

/** An invoice of ours in Xendit's layout: what the callback tells and what the API answers. */
export function xenditInvoice(change: object = {}): Record<string, unknown> {
  return {
    id: 'made0000000000000000inv1',
    external_id: 'made-order-1',
    user_id: 'made-business',
    status: 'PAID',
    amount: 50_000,
    paid_amount: 50_000,
    bank_code: 'PERMATA',
    paid_at: '2025-12-31T23:00:00.000Z',
    currency: 'IDR',
    ...change,
  };
}

export function xenditPayment(change: object = {}): Record<string, unknown> {
  return {
    payment_id: 'py-made-1',
    payment_request_id: 'pr-made-1',
    reference_id: 'made-order-1',
    status: 'SUCCEEDED',
    request_amount: 10_000,
    currency: 'PHP',
    channel_code: 'CARDS',
    created: '2025-12-31T23:00:00.000Z',
    updated: '2025-12-31T23:01:00.000Z',
    ...change,
  };
}

const invoice = (n: number, amount: number): Buffer =>
  Buffer.from(JSON.stringify(xenditInvoice({ id: `made0000000000000000inv${n}`, amount, paid_amount: amount })));

export const samples: ProviderSamples = {
  provider: xendit,
  settings: SETTINGS,
  now: NOW,
  secrets: ['made-verification-token-1', 'made-verification-token-2'],
  sign: (body, secret) => ({ method: 'POST', url: URL, headers: sign({ body }, secret), body }),
  context: (secrets, now) => ({
    secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
    settings: SETTINGS,
    now,
    certificates: { get: () => undefined },
  }),
  money: (n) => invoice(n, 50_000 + n),
  retried(n) {
    const { id, ...rest } = JSON.parse(samples.money(n).toString()) as Record<string, unknown>;
    return Buffer.from(JSON.stringify({ ...rest, id }));
  },
  altered: (n) => invoice(n, 9),
  unknownType: () => xenditEvent('teleport.succeeded', { id: 'x' }),
  staleAfterMs: null,
  idSigned: false,
  level: 'token',
  fetched: (body) => body,
  namesSecret: true,
};
