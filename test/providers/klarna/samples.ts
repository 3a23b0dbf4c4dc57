import { klarna } from '../../../src/providers/klarna/index.ts';
import { sign } from '../../../src/providers/klarna/sign.ts';
import type { EndpointSettings } from '../../../src/providers/provider.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

export const URL = 'https://gateway.example/webhooks/klarna';
export const NOW = 1_767_225_600_000;
export const SETTINGS: EndpointSettings = { api_key: 'made_user:made_password', region: 'eu', mode: 'test' };

export const orderId = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`;

/** An event of ours in Klarna's layout. */
export function klarnaEvent(type: string, payload: object, change: object = {}): Buffer {
  const metadata = {
    event_type: type,
    event_id: 'made-event-1',
    event_version: 'v2',
    occurred_at: '2025-12-31T23:00:00Z',
    correlation_id: 'made-correlation-1',
    subject_account_id: 'krn:partner:global:account:test:MADEACCOUNT',
    webhook_id: 'krn:partner:global:notification:webhook:made',
    live: false,
    ...change,
  };
  return Buffer.from(JSON.stringify({ metadata, payload }));
}

export function completed(n: number, payload: object = {}, change: object = {}): Buffer {
  const state_context = { payment_transaction_id: `krn:payment:eu1:transaction:${orderId(n)}` };
  const request = { payment_request_id: `krn:payment:eu1:request:made-${n}`, state: 'COMPLETED', state_context };
  return klarnaEvent(
    'payment.request.state-change.completed',
    { ...request, ...payload },
    { event_id: `made-event-${n}`, ...change },
  );
}

/** What the order management API answers. */
export function orderAnswer(n: number, change: object = {}): Buffer {
  const order = {
    order_id: orderId(n),
    status: 'PART_CAPTURED',
    order_amount: 10_000,
    original_order_amount: 10_000,
    purchase_currency: 'EUR',
    created_at: '2025-12-31T22:00:00.000Z',
    captures: [{ capture_id: `made-capture-${n}`, captured_amount: 4_000, captured_at: '2025-12-31T22:30:00.000Z' }],
    refunds: [],
  };
  return Buffer.from(JSON.stringify({ ...order, ...change }));
}

export const samples: ProviderSamples = {
  provider: klarna,
  settings: SETTINGS,
  now: NOW,
  secrets: ['krn:made:signing-key:1 made-signing-key-1', 'made-signing-key-2'],
  sign: (body, secret) => ({ method: 'POST', url: URL, headers: sign(body, secret), body }),
  context: (secrets, now) => ({
    secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
    settings: SETTINGS,
    now,
    certificates: { get: () => undefined },
  }),
  money: (n) => completed(n),
  retried: (n) => completed(n, {}, { correlation_id: 'made-correlation-2' }),
  altered: (n) => completed(n, { state: 'AUTHORIZED' }),
  unknownType: () => klarnaEvent('teleport.state-change.completed', {}),
  fetched: (body) => orderAnswer(Number(/made-event-(\d)/.exec(body.toString())?.[1] ?? 0)),
  staleAfterMs: null,
  idSigned: true,
  namesSecret: true,
};
