import type { EndpointSettings } from '../../../src/providers/provider.ts';
import { razorpay } from '../../../src/providers/razorpay/index.ts';
import { sign } from '../../../src/providers/razorpay/sign.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

const URL = 'https://gateway.example/webhooks/razorpay';
export const NOW = 1_767_225_600_000;
const SETTINGS: EndpointSettings = { settlement_currency: 'INR' };

/** An event of ours in Razorpay's layout, around the entities it contains. */
export function razorpayEvent(event: string, entities: Record<string, object>, change: object = {}): Buffer {
  const payload = Object.fromEntries(Object.entries(entities).map(([name, entity]) => [name, { entity }]));
  const body = { entity: 'event', account_id: 'acc_MADEACCOUNT01', event, contains: Object.keys(entities), payload };
  return Buffer.from(JSON.stringify({ ...body, created_at: NOW / 1000, ...change }));
}

export function razorpayPayment(change: object = {}): Record<string, unknown> {
  return {
    id: 'pay_MADE1',
    entity: 'payment',
    amount: 50_000,
    currency: 'INR',
    status: 'captured',
    order_id: 'order_MADE1',
    invoice_id: null,
    international: false,
    method: 'upi',
    amount_refunded: 0,
    captured: true,
    fee: 1180,
    tax: 180,
    created_at: NOW / 1000 - 60,
    ...change,
  };
}

export function razorpayRefund(change: object = {}): Record<string, unknown> {
  return {
    id: 'rfnd_MADE1',
    entity: 'refund',
    amount: 20_000,
    currency: 'INR',
    payment_id: 'pay_MADE1',
    status: 'processed',
    created_at: NOW / 1000 - 30,
    ...change,
  };
}

const captured = (n: number, amount: number): Buffer =>
  razorpayEvent('payment.captured', { payment: razorpayPayment({ id: `pay_MADE${n}`, amount }) });

export const samples: ProviderSamples = {
  provider: razorpay,
  settings: SETTINGS,
  now: NOW,
  secrets: ['made-webhook-secret-1', 'made webhook secret 2'],
  sign: (body, secret) => ({ method: 'POST', url: URL, headers: sign({ body }, secret), body }),
  context: (secrets, now) => ({
    secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
    settings: SETTINGS,
    now,
    certificates: { get: () => undefined },
  }),
  money: (n) => captured(n, 50_000 + n),
  retried(n) {
    const { event, ...rest } = JSON.parse(samples.money(n).toString()) as Record<string, unknown>;
    return Buffer.from(JSON.stringify({ ...rest, event }, null, 1));
  },
  altered: (n) => captured(n, 9),
  unknownType: () => razorpayEvent('teleport.created', {}),
  staleAfterMs: null,
  idSigned: false,
  namesSecret: true,
};
