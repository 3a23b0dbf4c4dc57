import type { EndpointSettings } from '../../../src/providers/provider.ts';
import { standardWebhooks } from '../../../src/providers/standard-webhooks/index.ts';
import { signAs } from '../../../src/providers/standard-webhooks/sign.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

const URL = 'https://gateway.example/webhooks/standard-webhooks';
const NOW = 1_767_225_600_000;

export const SETTINGS: EndpointSettings = {
  mapping: {
    rules: [
      {
        when: 'payment.succeeded',
        kind: 'payment.captured',
        id: 'data.id',
        amount: 'data.amount',
        currency: 'data.currency',
        at: 'data.paid_at',
        references: { order: 'data.order.number' },
      },
      {
        when: 'refund.failed',
        kind: 'refund.failed',
        id: 'data.refund',
        payment: 'data.id',
        amount: 'data.total',
        currency: '=KWD',
        unit: 'major',
      },
      {
        when: 'payment.fee',
        kind: 'payment.fee_known',
        id: 'data.fee_id',
        reference: 'data.id',
        amount: 'data.amount',
        currency: 'data.currency',
      },
      {
        when: 'dispute.moved',
        kind: 'dispute.withdrawn',
        id: 'data.id',
        movement: 'data.movement',
        amount: 'data.amount',
        currency: 'data.currency',
      },
      { when: 'customer.updated', kind: 'no_effect', reason: 'about a customer' },
    ],
  },
};

export function message(n: number, change: object = {}, data: object = {}): Buffer {
  const order = { number: `A-${n}` };
  const body = {
    type: 'payment.succeeded',
    timestamp: '2026-01-01T00:00:00Z',
    message_number: n,
    data: { id: `pay_${n}`, amount: 1000 + n, currency: 'eur', paid_at: '2025-12-31T23:59:58Z', order, ...data },
    ...change,
  };
  return Buffer.from(JSON.stringify(body));
}

function idOf(body: Buffer): string {
  const number = /"message_number":\s*(\d+)/.exec(body.toString('latin1'))?.[1];
  return `msg_${number ?? 'other'}`;
}

export const samples: ProviderSamples = {
  provider: standardWebhooks,
  settings: SETTINGS,
  now: NOW,
  secrets: [
    `whsec_${Buffer.alloc(24, 'first').toString('base64')}`,
    `whsec_${Buffer.alloc(32, 'second').toString('base64')}`,
  ],
  sign: (body, secret, now) => ({ method: 'POST', url: URL, headers: signAs(idOf(body), body, secret, now), body }),
  context: (secrets, now) => ({
    secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
    settings: SETTINGS,
    now,
    certificates: { get: () => undefined },
  }),
  money: (n) => message(n),
  // Another serialisation of the same message: a sender that builds the body anew for each try.
  retried: (n) => Buffer.from(JSON.stringify(JSON.parse(message(n).toString()), null, 2)),
  altered: (n) => message(n, {}, { amount: 9 }),
  unknownType: () => message(7, { type: 'payment.teleported' }),
  staleAfterMs: 300_000,
  idSigned: true,
  namesSecret: true,
};
