import type { EndpointSettings } from '../../../src/providers/provider.ts';
import { square } from '../../../src/providers/square/index.ts';
import { sign } from '../../../src/providers/square/sign.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

export const URL = 'https://gateway.example/webhooks/square';
export const NOW = 1_767_225_600_000;
const SETTINGS: EndpointSettings = { notification_url: URL };

/** An event of ours around one object in Square's layout. */
export function squareEvent(type: string, kind: string, object: object, change: object = {}): Buffer {
  const id = 'id' in object ? object.id : undefined;
  const event = {
    merchant_id: 'MADEMERCHANT1',
    type,
    event_id: '00000000-0000-4000-8000-000000000001',
    created_at: '2026-01-01T00:00:00.123456789Z',
    data: { type: kind, id, object: { [kind]: object } },
    ...change,
  };
  return Buffer.from(JSON.stringify(event));
}

export function squarePayment(change: object = {}): Record<string, unknown> {
  return {
    id: 'madePayment1',
    status: 'COMPLETED',
    amount_money: { amount: 1000, currency: 'USD' },
    tip_money: { amount: 100, currency: 'USD' },
    total_money: { amount: 1100, currency: 'USD' },
    card_details: {
      card_payment_timeline: { authorized_at: '2025-12-31T23:00:00Z', captured_at: '2025-12-31T23:00:01Z' },
    },
    order_id: 'madeOrder1',
    created_at: '2025-12-31T23:00:00.000Z',
    updated_at: '2025-12-31T23:30:00.000Z',
    version: 3,
    ...change,
  };
}

const money = (n: number, amount: number): object =>
  squarePayment({ id: `madePayment${n}`, total_money: { amount, currency: 'USD' } });
const about = (n: number): object => ({ event_id: `00000000-0000-4000-8000-00000000000${n}` });

export const samples: ProviderSamples = {
  provider: square,
  settings: SETTINGS,
  now: NOW,
  secrets: ['made-signature-key-1', 'made-signature-key-2'],
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
  money: (n) => squareEvent('payment.updated', 'payment', money(n, 1000 + n), about(n)),
  retried(n) {
    const { event_id, ...rest } = JSON.parse(samples.money(n).toString()) as Record<string, unknown>;
    return Buffer.from(JSON.stringify({ ...rest, event_id }));
  },
  altered: (n) => squareEvent('payment.updated', 'payment', money(n, 9), about(n)),
  unknownType: () => squareEvent('teleport.created', 'teleport', {}),
  staleAfterMs: null,
  idSigned: true,
  namesSecret: true,
};
