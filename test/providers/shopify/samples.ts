import type { EndpointSettings } from '../../../src/providers/provider.ts';
import { shopify } from '../../../src/providers/shopify/index.ts';
import { sign } from '../../../src/providers/shopify/sign.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

export const URL = 'https://gateway.example/webhooks/shopify';
export const NOW = 1_767_225_600_000;
const SETTINGS: EndpointSettings = { shop_domain: 'made.myshopify.com' };

/** JSON with ids beyond 2^53, which JSON.stringify would round: they are written as `"#123"` and lose the quotes. */
export function shopifyBody(object: object): Buffer {
  return Buffer.from(JSON.stringify(object).replace(/"#(\d+)"/g, '$1'));
}

/** An order transaction of ours in Shopify's layout. */
export function shopifyTransaction(change: object = {}): Record<string, unknown> {
  return {
    id: '#9007199254740993001',
    order_id: '#900719925474099777',
    kind: 'sale',
    gateway: 'shopify_payments',
    status: 'success',
    created_at: '2025-12-31T19:00:00-05:00',
    processed_at: '2025-12-31T19:00:01-05:00',
    test: false,
    parent_id: null,
    amount: '110.50',
    currency: 'USD',
    admin_graphql_api_id: 'gid://shopify/OrderTransaction/9007199254740993001',
    ...change,
  };
}

export function shopifyRefund(transactions: readonly object[]): Record<string, unknown> {
  return {
    id: '#900719925474099666',
    order_id: '#900719925474099777',
    created_at: '2026-01-01T00:00:00Z',
    refund_line_items: [],
    transactions,
    admin_graphql_api_id: 'gid://shopify/Refund/900719925474099666',
  };
}

export function shopifyDispute(change: object = {}): Record<string, unknown> {
  return {
    id: '#900719925474099555',
    order_id: '#900719925474099777',
    type: 'chargeback',
    amount: '11.50',
    currency: 'CAD',
    reason: 'fraudulent',
    network_reason_code: '4837',
    status: 'needs_response',
    evidence_due_by: '2026-01-10T00:00:00Z',
    evidence_sent_on: null,
    finalized_on: null,
    initiated_at: '2026-01-01T00:00:00Z',
    ...change,
  };
}

const money = (n: number, amount: string): Record<string, unknown> => {
  const id = `900719925474099300${n}`;
  return shopifyTransaction({ id: `#${id}`, amount, admin_graphql_api_id: `gid://shopify/OrderTransaction/${id}` });
};

export const samples: ProviderSamples = {
  provider: shopify,
  settings: SETTINGS,
  now: NOW,
  secrets: ['shpss_made_first', 'shpss_made_second'],
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
  money: (n) => shopifyBody(money(n, `10.0${n}`)),
  retried: (n) => {
    const { id, ...rest } = money(n, `10.0${n}`);
    return shopifyBody({ ...rest, id });
  },
  altered: (n) => shopifyBody(money(n, '0.09')),
  unknownType: () => shopifyBody({ id: 1, teleported: true }),
  staleAfterMs: null,
  idSigned: false,
  namesSecret: true,
};
