import { describe, expect, it } from 'vitest';
import type { EndpointSettings, Normalised } from '../../../src/providers/provider.ts';
import { shopify } from '../../../src/providers/shopify/index.ts';
import { apiContext } from '../../support/api-context.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { NOW, shopifyBody, shopifyDispute, shopifyTransaction } from './samples.ts';

const RANGE = { from: NOW - 3_600_000, to: NOW };
const KEY = { api_key: 'shpat_madetokenofnoapp01', shop_domain: 'made.myshopify.com' };
const MADE = '2025-12-31T23:10:00Z';
type Answer = { status: number; body?: string; headers?: Record<string, string> };

async function list(cursor: string | null, answer: Answer, settings: EndpointSettings = KEY) {
  const { context, calls } = apiContext(settings, NOW, () => answer);
  return { page: await shopify.api?.list?.page(RANGE, cursor, context), calls };
}

const set = (amount: string): object => ({ presentmentMoney: { amount, currencyCode: 'USD' } });
const order = (change: object = {}): object => ({
  id: 'gid://shopify/Order/900719925474099777',
  updatedAt: MADE,
  test: false,
  displayFinancialStatus: 'PAID',
  totalReceivedSet: set('110.5'),
  totalRefundedSet: set('0.0'),
  totalCapturableSet: set('0.0'),
  ...change,
});
const transaction = (change: object = {}): object => ({
  id: 'gid://shopify/OrderTransaction/9007199254740993001',
  kind: 'SALE',
  status: 'SUCCESS',
  gateway: 'shopify_payments',
  createdAt: MADE,
  processedAt: MADE,
  parentTransaction: null,
  amountSet: set('110.5'),
  totalUnsettledSet: null,
  ...change,
});
const dispute = (change: object = {}): object => ({
  id: 'gid://shopify/ShopifyPaymentsDispute/900719925474099555',
  type: 'CHARGEBACK',
  status: 'NEEDS_RESPONSE',
  amount: { amount: '11.5', currencyCode: 'CAD' },
  initiatedAt: '2026-01-01T00:00:00Z',
  finalizedOn: null,
  order: { id: 'gid://shopify/Order/900719925474099777' },
  ...change,
});
const answerOf = (name: string, nodes: readonly object[], pageInfo: object = { hasNextPage: false }): Answer => ({
  status: 200,
  body: JSON.stringify({ data: { [name]: { nodes, pageInfo } } }),
});
const failing = (code: string): Answer => ({
  status: 200,
  body: JSON.stringify({ data: null, errors: [{ message: 'no', extensions: { code } }] }),
});
const answered = (...transactions: readonly object[]): object => ({
  data: { order: { id: 'gid://shopify/Order/900719925474099777', transactions } },
});

function identified(object: object) {
  const body = Buffer.from(JSON.stringify(object));
  const found = shopify.identify({ method: 'GET', url: '/', headers: [], body }, KEY);
  if (found.kind !== 'events' || found.events[0] === undefined) throw new Error('no event');
  return { ...found.events[0], print: found.events[0].fingerprint().toString('hex') };
}

function meaning(object: object, fetched: unknown = null): Normalised {
  const body = Buffer.from(JSON.stringify(object));
  const event = { item: 0, id: 'x', type: 'order', account: 'main', headers: [], body, receivedAt: NOW };
  const found = fetched === null ? null : Buffer.from(JSON.stringify(fetched));
  return shopify.normalise({ ...event, level: 'body', fetched: found }, KEY);
}
const posts = (found: Normalised) =>
  found.kind === 'effects' ? found.effects.map(({ at: _at, ...effect }) => effect) : found.kind;
const webhook = (object: object) => posts(meaningOf(shopify, shopifyBody(object), KEY));

describe('orders are listed', () => {
  it('by when they changed, from the shop of the settings alone, then disputes of half a year', async () => {
    const first = await list(null, answerOf('orders', [order()], { hasNextPage: true, endCursor: 'eyJsYXN0==' }));
    expect(first.calls).toMatchObject([
      {
        method: 'POST',
        host: 'made.myshopify.com',
        path: '/admin/api/2026-07/graphql.json',
        headers: { 'x-shopify-access-token': KEY.api_key },
      },
    ]);
    const { variables } = JSON.parse(first.calls[0]?.body ?? '');
    expect(variables).toEqual({
      find: "updated_at:>='2025-12-31T23:00:00.000Z' AND updated_at:<='2026-01-01T00:00:00.000Z'",
      after: null,
    });
    expect(first.page).toMatchObject({ events: [{ object: true }], next: 'orders/eyJsYXN0==' });
    const second = await list('orders/eyJsYXN0==', answerOf('orders', []));
    expect(JSON.parse(second.calls[0]?.body ?? '').variables.after).toBe('eyJsYXN0==');
    expect(second.page).toMatchObject({ events: [], next: 'disputes/' });
    const disputes = await list('disputes/', answerOf('disputes', [dispute({ initiatedAt: '2025-10-01T00:00:00Z' })]));
    expect(JSON.parse(disputes.calls[0]?.body ?? '').variables.find).toBe("initiated_at:>='2025-07-04T23:00:00.000Z'");
    expect(disputes.page).toMatchObject({ events: [{ at: null, object: true }], next: null });
  });

  it('without those of which nothing was paid, or that changed at another time', async () => {
    const unpaid = order({ displayFinancialStatus: 'PENDING', totalReceivedSet: set('0.0') });
    const later = order({ updatedAt: '2026-01-01T00:00:00Z' });
    expect((await list(null, answerOf('orders', [unpaid, later]))).page).toMatchObject({ events: [] });
    const part = order({ displayFinancialStatus: 'PENDING' });
    expect((await list(null, answerOf('orders', [part]))).page).toMatchObject({ events: [{ object: true }] });
  });

  it('in their own bytes', async () => {
    const text = JSON.stringify(order()).replace('{', '{ "n": 90071992547409931.10,\n');
    const { page } = await list(null, {
      status: 200,
      body: `{"data":{"orders":{"nodes":[ ${text} ],"pageInfo":{"hasNextPage":false}}}}`,
    });
    expect(page?.kind === 'page' && page.events[0]?.body.toString()).toBe(text);
  });

  it('with a word on what the token lacks, and patience, though errors come with status 200', async () => {
    for (const refusal of [{ status: 403 }, failing('ACCESS_DENIED')]) {
      expect((await list(null, refusal)).page).toMatchObject({
        kind: 'refused',
        detail: expect.stringContaining('read_orders'),
      });
      expect((await list('disputes/', refusal)).page).toMatchObject({
        detail: expect.stringContaining('read_shopify_payments_disputes'),
      });
    }
    expect((await list(null, { status: 401 })).page?.kind).toBe('refused');
    const busy = await list(null, { status: 429, headers: { 'retry-after': '2.0' } });
    expect(busy.page?.kind).toBe('later');
    for (const code of ['THROTTLED', 'INTERNAL_SERVER_ERROR', 'TIMEOUT'])
      expect((await list(null, failing(code))).page?.kind, code).toBe('later');
    expect((await list(null, failing('undefinedField'))).page).toMatchObject({
      kind: 'refused',
      detail: expect.stringContaining('undefinedField'),
    });
    for (const shop_domain of [undefined, 'shop.made.example', 'x.myshopify.com.attacker.example', 'a/b.myshopify.com'])
      expect(
        (
          await list(null, answerOf('orders', []), {
            api_key: KEY.api_key,
            ...(shop_domain === undefined ? {} : { shop_domain }),
          })
        ).calls,
      ).toEqual([]);
  });

  it('never taken for none where the answer is none, nor for ended where nobody says so', async () => {
    for (const body of ['', '<html>', '[]', '{}', '{"data":null}', '{"data":{"orders":{"nodes":{}}}}'])
      await expect(list(null, { status: 200, body }), body).rejects.toMatchObject({ code: 'unreadable_event' });
    for (const info of [{}, { hasNextPage: true }, { hasNextPage: true, endCursor: 'a b' }])
      await expect(list(null, answerOf('orders', [], info))).rejects.toMatchObject({ code: 'unreadable_event' });
    for (const cursor of ['', 'payouts/', 'orders/a b', `orders/${'a'.repeat(2_001)}`])
      expect((await list(cursor, answerOf('orders', []))).page?.kind).toBe('refused');
  });
});

describe('a listed order', () => {
  it('is an event of what was paid, captured and refunded of it', () => {
    const found = identified(order());
    expect(found).toMatchObject({ id: 'order:900719925474099777:paid:110.5/0.0/0.0', type: 'order', live: true });
    expect(identified(order({ updatedAt: '2026-01-01T00:00:00Z' })).print).toBe(found.print);
    expect(identified(order({ totalRefundedSet: set('1.0') })).id).not.toBe(found.id);
    expect(identified(order({ test: true })).live).toBe(false);
  });

  it('asks for its transactions, and posts what their webhooks would have', () => {
    expect(meaning(order())).toMatchObject({ kind: 'fetch', object: { kind: 'order', id: '900719925474099777' } });
    const parent = { id: 'gid://shopify/OrderTransaction/1' };
    const states = [
      [{}, {}],
      [
        { kind: 'AUTHORIZATION', amountSet: set('9007199254740.99') },
        { kind: 'authorization', amount: '9007199254740.99' },
      ],
      [
        { kind: 'CAPTURE', parentTransaction: parent, totalUnsettledSet: set('0.0') },
        { kind: 'capture', parent_id: '#1', total_unsettled_set: { presentment_money: { amount: '0.0' } } },
      ],
      [
        { kind: 'REFUND', parentTransaction: parent },
        { kind: 'refund', parent_id: '#1' },
      ],
      [
        { kind: 'REFUND', status: 'FAILURE', parentTransaction: parent },
        { kind: 'refund', status: 'failure', parent_id: '#1' },
      ],
      [
        { kind: 'VOID', parentTransaction: parent },
        { kind: 'void', parent_id: '#1' },
      ],
      [{ status: 'ERROR' }, { status: 'error' }],
    ] as const;
    for (const [told, sent] of states) {
      const expected = webhook(shopifyTransaction(sent));
      expect(posts(meaning(order(), answered(transaction(told)))), JSON.stringify(told)).toEqual(expected);
      expect(expected).not.toBe('no_effect');
    }
  });

  it('moves nothing where it was paid elsewhere, is pending, or has no transaction', () => {
    for (const one of [{ gateway: 'paypal' }, { status: 'PENDING' }, { status: 'AWAITING_RESPONSE' }])
      expect(meaning(order(), answered(transaction(one))).kind).toBe('no_effect');
    expect(meaning(order(), answered()).kind).toBe('no_effect');
  });

  it('waits rather than leave a hole', () => {
    const other = { data: { order: { id: 'gid://shopify/Order/1', transactions: [transaction()] } } };
    for (const fetched of [other, {}, { data: { order: null } }, answered(...Array(100).fill(transaction()))])
      expect(meaning(order(), fetched)).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
    expect(meaning(order(), answered(transaction({ kind: 'TELEPORT' })))).toMatchObject({ waitingFor: 'adapter' });
    expect(meaning(order(), answered(transaction({ amountSet: null })))).toMatchObject({ waitingFor: 'object' });
    const unknown = { presentmentMoney: { amount: '1', currencyCode: 'QQQ' } };
    expect(meaning(order(), answered(transaction({ amountSet: unknown })))).toMatchObject({ waitingFor: 'currency' });
  });
});

describe('a listed dispute', () => {
  it('posts what its webhook would have', () => {
    for (const [told, sent] of [
      [{}, {}],
      [
        { status: 'WON', finalizedOn: '2026-01-02' },
        { status: 'won', finalized_on: '2026-01-02' },
      ],
      [{ status: 'LOST' }, { status: 'lost' }],
      [{ type: 'INQUIRY' }, { type: 'inquiry' }],
      [{ status: 'CHARGE_REFUNDED' }, { status: 'charge_refunded' }],
    ] as const)
      expect(posts(meaning(dispute(told)))).toEqual(webhook(shopifyDispute(sent)));
    expect(identified(dispute()).id).toBe('dispute:900719925474099555:chargeback:needs_response');
    expect(meaning(dispute({ status: 'PREVENTED' }))).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
  });
});

describe('what is fetched', () => {
  it('is of an order by its number', async () => {
    const ask = async (id: string, answer: Answer, kind = 'order') => {
      const { context, calls } = apiContext(KEY, NOW, () => answer);
      return { found: await shopify.api?.fetchObject({ kind, id }, context), calls };
    };
    const whole = { status: 200, body: JSON.stringify(answered(transaction())) };
    const { found, calls } = await ask('7', whole);
    expect(found?.kind).toBe('found');
    expect(JSON.parse(calls[0]?.body ?? '').variables).toEqual({ id: 'gid://shopify/Order/7' });
    expect((await ask('7', { status: 200, body: '{"data":{"order":null}}' })).found).toMatchObject({ kind: 'missing' });
    expect((await ask('7', failing('THROTTLED'))).found?.kind).toBe('later');
    expect((await ask('7"', whole)).calls).toEqual([]);
    expect((await ask('7', whole, 'payment')).calls).toEqual([]);
  });
});

it('takes a token only beside a name of Shopify’s', () => {
  expect(shopify.checkSettings(KEY)).toEqual([]);
  for (const change of [{ api_key: 'made' }, { shop_domain: 'shop.made.example' }])
    expect(shopify.checkSettings({ ...KEY, ...change })).toHaveLength(1);
  expect(shopify.checkSettings({ api_key: KEY.api_key })).toHaveLength(1);
});
