import { mollie } from '../../../src/providers/mollie/index.ts';
import { sign } from '../../../src/providers/mollie/sign.ts';
import type { EndpointSettings } from '../../../src/providers/provider.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

export const URL = 'https://gateway.example/webhooks/mollie';
export const NOW = 1_767_225_600_000;
export const SETTINGS: EndpointSettings = { api_key: 'test_madeKeyOfNoAccount1' };

/** A next-gen event of ours around one entity, in Mollie's layout. */
export function mollieEvent(type: string, entity: Record<string, unknown>, change: object = {}): Buffer {
  const event = {
    resource: 'event',
    id: 'event_MADE1',
    type,
    entityId: entity.id,
    createdAt: '2026-01-01T00:00:00+00:00',
    _embedded: { entity },
    _links: { self: { href: 'https://api.mollie.com/v2/events/event_MADE1', type: 'application/hal+json' } },
    ...change,
  };
  return Buffer.from(JSON.stringify(event));
}

export function molliePayment(change: object = {}): Record<string, unknown> {
  return {
    resource: 'payment',
    id: 'tr_MADE1',
    mode: 'test',
    createdAt: '2025-12-31T23:00:00+00:00',
    amount: { value: '20.00', currency: 'EUR' },
    method: 'ideal',
    status: 'paid',
    paidAt: '2025-12-31T23:01:00+00:00',
    profileId: 'pfl_MADE1',
    ...change,
  };
}

export function mollieRefund(change: object = {}): Record<string, unknown> {
  return {
    resource: 'refund',
    id: 're_MADE1',
    amount: { value: '5.95', currency: 'EUR' },
    status: 'refunded',
    paymentId: 'tr_MADE1',
    createdAt: '2025-12-31T23:30:00+00:00',
    ...change,
  };
}

const paid = (n: number, value: string): Buffer =>
  mollieEvent('payment.paid', molliePayment({ id: `tr_MADE${n}`, amount: { value, currency: 'EUR' } }), {
    id: `event_MADE${n}`,
  });

/** Next-gen events; what is classic has tests of its own, because nothing about it is signed. */
export const samples: ProviderSamples = {
  provider: mollie,
  settings: SETTINGS,
  now: NOW,
  secrets: ['made-signing-secret-1', 'made-signing-secret-2'],
  sign: (body, secret) => ({ method: 'POST', url: URL, headers: sign({ body }, secret), body }),
  context: (secrets, now) => ({
    secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
    settings: SETTINGS,
    now,
    certificates: { get: () => undefined },
  }),
  money: (n) => paid(n, `20.0${n}`),
  retried(n) {
    const { _links, ...rest } = JSON.parse(samples.money(n).toString()) as Record<string, unknown>;
    return Buffer.from(JSON.stringify(rest));
  },
  altered: (n) => paid(n, '0.09'),
  unknownType: () => mollieEvent('teleport.created', { resource: 'teleport', id: 'tp_1' }),
  staleAfterMs: null,
  idSigned: true,
  namesSecret: true,
};
