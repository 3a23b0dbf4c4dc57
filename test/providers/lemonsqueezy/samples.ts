import { lemonsqueezy } from '../../../src/providers/lemonsqueezy/index.ts';
import { sign } from '../../../src/providers/lemonsqueezy/sign.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

export const URL = 'https://gateway.example/webhooks/lemonsqueezy';
export const NOW = 1_767_225_600_000;

/** An event of ours around one object in Lemon Squeezy's layout. */
export function squeezyEvent(name: string, type: string, attributes: object, id = '11'): Buffer {
  return Buffer.from(
    JSON.stringify({
      meta: { event_name: name, test_mode: false, webhook_id: 'made-webhook' },
      data: { type, id, attributes },
    }),
  );
}

export function madeOrder(change: object = {}): Record<string, unknown> {
  return {
    store_id: 77,
    currency: 'USD',
    total: 1200,
    tax: 200,
    status: 'paid',
    refunded: false,
    refunded_at: null,
    refunded_amount: 0,
    created_at: '2026-01-01T00:00:00.000000Z',
    updated_at: '2026-01-01T00:00:01.000000Z',
    test_mode: false,
    ...change,
  };
}

const order = (n: number, total: number): Buffer =>
  squeezyEvent('order_created', 'orders', madeOrder({ total }), `${n}`);

export const samples: ProviderSamples = {
  provider: lemonsqueezy,
  settings: {},
  now: NOW,
  secrets: ['made-signing-secret-1', 'made-signing-secret-2'],
  sign: (body, secret, now) => ({ method: 'POST', url: URL, headers: sign({ body, url: URL }, secret, now), body }),
  context: (secrets, now) => ({
    secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
    settings: {},
    now,
    certificates: { get: () => undefined },
  }),
  money: (n) => order(n, 1000 + n),
  retried(n) {
    const { meta, data } = JSON.parse(order(n, 1000 + n).toString()) as Record<string, unknown>;
    return Buffer.from(JSON.stringify({ data, meta }));
  },
  altered: (n) => order(n, 900),
  unknownType: () => squeezyEvent('order_teleported', 'orders', madeOrder()),
  staleAfterMs: null,
  idSigned: true,
  namesSecret: true,
};
