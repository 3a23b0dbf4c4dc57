import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { EndpointSettings, Normalised } from '../../../src/providers/provider.ts';
import { shopify } from '../../../src/providers/shopify/index.ts';
import { effectsIn, outcomeOf } from '../../support/meaning-outcome.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { NOW, shopifyBody, shopifyDispute, shopifyRefund, shopifyTransaction } from './samples.ts';

function meaning(body: Buffer, topic = 'unknown', settings: EndpointSettings = {}): Normalised {
  const event = {
    item: 0,
    id: 'e1',
    account: 'main',
    headers: [],
    receivedAt: NOW,
    level: 'body',
    fetched: null,
  } as const;
  return shopify.normalise({ ...event, type: topic, body }, settings);
}

const transaction = (change: object = {}) => meaning(shopifyBody(shopifyTransaction(change)));
const dispute = (change: object = {}) => meaning(shopifyBody(shopifyDispute(change)));
const ID = '9007199254740993001';

describe('order transactions', () => {
  it('are captured under their own id, to the last digit', () => {
    expect(effectsIn(transaction())).toEqual([
      { type: 'payment.captured', key: `${ID}:captured`, at: NOW + 1000, payment: ID, amount: 11050n, currency: 'USD' },
    ]);
  });

  it('mean what their kind and status say', () => {
    for (const [kind, status, expected] of [
      ['sale', 'pending', 'no_effect'],
      ['sale', 'failure', 'payment.failed'],
      ['capture', 'success', 'payment.captured'],
      ['capture', 'error', 'payment.failed'],
      ['authorization', 'success', 'payment.authorised'],
      ['emv_authorization', 'success', 'payment.authorised'],
      ['authorization', 'failure', 'payment.failed'],
      ['void', 'success', 'payment.cancelled'],
      ['void', 'failure', 'no_effect'],
      ['refund', 'pending', 'refund.created'],
      ['refund', 'success', 'refund.succeeded'],
      ['refund', 'failure', 'refund.failed'],
      ['suggested_refund', 'success', 'deferred: adapter'],
      ['sale', 'awaiting_response', 'deferred: adapter'],
      ['constructor', 'success', 'deferred: adapter'],
    ] as const)
      expect(outcomeOf(transaction({ kind, status })), `${kind} ${status}`).toBe(expected);
  });

  it('end their authorisation when nothing is left to capture, or by a void', () => {
    const left = (amount: string) => ({ total_unsettled_set: { presentment_money: { amount, currency: 'USD' } } });
    const capture = (amount: string) => effectsIn(transaction({ kind: 'capture', parent_id: '#77', ...left(amount) }));
    expect(capture('0.0')).toMatchObject([
      {},
      { type: 'payment.cancelled', payment: '77', key: `${ID}:authorisation_released` },
    ]);
    expect(capture('5.00')).toHaveLength(1);
    expect(effectsIn(transaction({ kind: 'void', parent_id: '#77' }))).toMatchObject([{ payment: '77' }]);
  });

  it('of other gateways are evidence: their own processor tells the money', () => {
    for (const gateway of ['paypal', 'manual', 'gift_card', 'bogus', ''])
      expect(outcomeOf(transaction({ gateway })), gateway).toBe('no_effect');
    const told = meaning(shopifyBody(shopifyTransaction({ gateway: 'bogus' })), '', { gateways: ['bogus'] });
    expect(outcomeOf(told)).toBe('payment.captured');
  });

  it('wait or fail where an amount is not to be read', () => {
    expect(outcomeOf(transaction({ currency: 'XTS' }))).toBe('deferred: currency');
    expect(outcomeOf(transaction({ amount: '' }))).toBe('deferred: object');
    expect(effectsIn(transaction({ amount: '1000', currency: 'JPY' }))).toMatchObject([{ amount: 1000n }]);
    for (const amount of ['-1.00', '1.005', '1,00', 'NaN'])
      expect(() => transaction({ amount }), amount).toThrow(expect.objectContaining({ code: 'amount_invalid' }));
  });
});

describe('refunds', () => {
  const given = shopifyTransaction({ kind: 'refund', parent_id: '#77' });

  it('post the same, told as a refund or as its transaction', () => {
    const refund = meaning(shopifyBody(shopifyRefund([given])));
    expect(effectsIn(refund)).toEqual(effectsIn(meaning(shopifyBody(given))));
    expect(effectsIn(refund)).toMatchObject([
      { type: 'refund.succeeded', key: `${ID}:succeeded`, refund: ID, payment: '77', amount: 11050n },
    ]);
  });

  it('give no money back without transactions, or through other gateways', () => {
    expect(outcomeOf(meaning(shopifyBody(shopifyRefund([]))))).toBe('no_effect');
    const mixed = meaning(shopifyBody(shopifyRefund([{ ...given, gateway: 'gift_card', id: 5 }, given])));
    expect(outcomeOf(mixed)).toBe('refund.succeeded');
  });

  it('post nothing while one of their transactions is not understood', () => {
    expect(outcomeOf(meaning(shopifyBody(shopifyRefund([given, { ...given, id: 5, kind: 'teleport' }]))))).toBe(
      'deferred: adapter',
    );
  });
});

describe('disputes', () => {
  it('take money as a chargeback, whatever state is seen first, and none as an inquiry', () => {
    expect(effectsIn(dispute())).toMatchObject([
      { type: 'dispute.withdrawn', key: '900719925474099555:withdrawn', amount: 1150n, currency: 'CAD' },
    ]);
    expect(outcomeOf(dispute({ status: 'under_review' }))).toBe('dispute.withdrawn');
    expect(outcomeOf(dispute({ status: 'won', finalized_on: '2026-02-01' }))).toBe(
      'dispute.withdrawn dispute.reinstated',
    );
    expect(effectsIn(dispute({ status: 'won', finalized_on: '2026-02-01' }))[1]).toMatchObject({
      at: Date.UTC(2026, 1, 1),
    });
    expect(outcomeOf(dispute({ status: 'lost' }))).toBe('dispute.withdrawn dispute.lost');
    expect(outcomeOf(dispute({ status: 'accepted' }))).toBe('dispute.withdrawn dispute.lost');
    expect(outcomeOf(dispute({ status: 'charge_refunded' }))).toBe('no_effect');
    expect(outcomeOf(dispute({ status: 'prevented' }))).toBe('deferred: adapter');
    for (const status of ['needs_response', 'won', 'lost'])
      expect(outcomeOf(dispute({ type: 'inquiry', status }))).toBe('no_effect');
    expect(outcomeOf(dispute({ type: 'x' }))).toBe('deferred: adapter');
  });
});

describe('the topic', () => {
  const all = ['orders/paid', 'products/update', 'refunds/create', 'disputes/create', 'unknown', ''];

  it('decides about no money: a body means the same under any', () => {
    for (const body of [
      shopifyTransaction(),
      shopifyDispute(),
      shopifyRefund([shopifyTransaction({ kind: 'refund' })]),
    ]) {
      const told = meaning(shopifyBody(body), 'order_transactions/create');
      for (const topic of all) expect(meaning(shopifyBody(body), topic), topic).toEqual(told);
    }
  });

  it('makes no money of a body that is none', () => {
    for (const body of [
      { id: 1, amount: '10.00', currency: 'USD' },
      { id: 1, total_price: '199.00', currency: 'USD', admin_graphql_api_id: 'gid://shopify/Order/1' },
      { ...shopifyTransaction(), admin_graphql_api_id: 'gid://shopify/Product/1' },
      { remote_reference: 'x', payment_method: 'other', amount: '1.00', currency: 'USD' },
    ])
      for (const topic of ['order_transactions/create', ...all])
        expect(meaning(shopifyBody(body), topic).kind, topic).not.toBe('effects');
  });

  it('tells evidence from what nobody knows', () => {
    for (const topic of [
      'products/update',
      'inventory_levels/connect',
      'customers/data_request',
      'tender_transactions/create',
    ])
      expect(outcomeOf(meaning(Buffer.from('{"id":1}'), topic)), topic).toBe('no_effect');
    for (const topic of [
      'order_transactions/create',
      'disputes/create',
      'teleports/create',
      'products',
      'x'.repeat(90),
    ])
      expect(outcomeOf(meaning(Buffer.from('{"id":1}'), topic)), topic).toBe('deferred: adapter');
  });
});

const vectors = samplesFolder('webhooks', 'shopify', 'vectors.json');
const cases = samplesFolder('webhooks', '_robustness', 'cases.json');
describe.skipIf(!existsSync(vectors))('the samples', () => {
  it('of products move no money', () => {
    const list = JSON.parse(readFileSync(vectors, 'utf8')) as {
      headers: Record<string, string>;
      body_base64: string;
    }[];
    for (const { headers, body_base64: body } of list)
      expect(outcomeOf(meaning(Buffer.from(body, 'base64'), headers['x-shopify-topic']))).toBe('no_effect');
  });

  it('of orders are evidence', () => {
    const list = JSON.parse(readFileSync(cases, 'utf8')) as {
      config: { provider: string };
      requests: { body_base64: string }[];
    }[];
    const ours = list.filter(({ config }) => config.provider === 'shopify').flatMap(({ requests }) => requests);
    expect(ours.length).toBeGreaterThan(0);
    for (const { body_base64: body } of ours)
      expect(outcomeOf(meaning(Buffer.from(body, 'base64'), 'orders/paid'))).toBe('no_effect');
  });
});
