import { describe, expect, it } from 'vitest';
import type { EndpointSettings, IdentifiedEvent, WebhookRequest } from '../../../src/providers/provider.ts';
import { shopify } from '../../../src/providers/shopify/index.ts';
import { hmacSha256 } from '../../../src/providers/signature.ts';
import { expectNoForgery } from '../../support/forged-requests.ts';
import { NOW, samples, shopifyBody, shopifyTransaction } from './samples.ts';

const [KEY] = samples.secrets;
const body = shopifyBody(shopifyTransaction());
const signed = samples.sign(body, KEY, NOW);

function withHeaders(change: Readonly<Record<string, string>>): WebhookRequest {
  const kept = signed.headers.filter(([name]) => !(name in change));
  return { ...signed, headers: [...kept, ...Object.entries(change)] };
}

const verify = (request: WebhookRequest, settings: EndpointSettings = {}) =>
  shopify.verify(request, { ...samples.context([KEY], NOW), settings });

function only(request: WebhookRequest): IdentifiedEvent {
  const found = shopify.identify(request, {});
  const event = found.kind === 'events' ? found.events[0] : undefined;
  if (event === undefined) throw new Error('no event');
  return event;
}

describe('verify', () => {
  it('refuses another writing of the right signature', () => {
    const mac = hmacSha256(KEY, body);
    for (const text of [
      mac.toString('base64url'),
      mac.toString('hex'),
      ` ${mac.toString('base64')}`,
      `sha256=${mac.toString('base64')}`,
    ])
      expect(verify(withHeaders({ 'x-shopify-hmac-sha256': text })).kind, text).toBe('rejected');
  });

  it('signs the body only, so every other header may be anything', () => {
    const free = {
      'x-shopify-topic': 'orders/paid',
      'x-shopify-shop-domain': 'evil.example',
      'x-shopify-event-id': 'x',
    };
    expect(verify(withHeaders(free)).kind).toBe('authentic');
  });

  it('refuses, and so never stores, what names another shop than the endpoint’s', () => {
    const settings = { shop_domain: 'made.myshopify.com' };
    expect(verify(signed, settings).kind).toBe('authentic');
    expect(verify(withHeaders({ 'x-shopify-shop-domain': 'other.myshopify.com' }), settings)).toMatchObject({
      kind: 'rejected',
      reason: 'unsupported',
    });
    const twice = {
      ...signed,
      headers: [...signed.headers, ['x-shopify-shop-domain', 'other.myshopify.com'] as const],
    };
    expect(verify(twice, settings).kind).toBe('rejected');
    const none = { ...signed, headers: signed.headers.filter(([name]) => name !== 'x-shopify-shop-domain') };
    expect(verify(none, settings).kind).toBe('rejected');
  });

  it('takes nothing for a body or header that nobody signed', () => expectNoForgery(samples));
});

describe('identify', () => {
  it('is one event for two subscriptions, and another for other content under its id', () => {
    const one = only(withHeaders({ 'x-shopify-webhook-id': 'w1', 'x-shopify-event-id': 'e1' }));
    const two = only(withHeaders({ 'x-shopify-webhook-id': 'w2', 'x-shopify-event-id': 'e1' }));
    expect([two.id, two.fingerprint()]).toEqual([one.id, one.fingerprint()]);
    expect(one).toMatchObject({ id: 'e1', idSigned: false, account: null, live: true });
    const other = only({ ...withHeaders({ 'x-shopify-event-id': 'e1' }), body: Buffer.from('{"id":1}') });
    expect(other.fingerprint()).not.toEqual(one.fingerprint());
  });

  it('takes the delivery’s id, then the content, where there is no event id', () => {
    const without = (...names: string[]): WebhookRequest => ({
      ...signed,
      headers: signed.headers.filter(([name]) => !names.includes(name)),
    });
    const webhookId = signed.headers.find(([name]) => name === 'x-shopify-webhook-id')?.[1];
    expect(only(without('x-shopify-event-id')).id).toBe(webhookId);
    const bare = only(without('x-shopify-event-id', 'x-shopify-webhook-id'));
    expect(bare.id).toMatch(/^content:[0-9a-f]{64}$/);
    expect(only(withHeaders({ 'x-shopify-event-id': 'x'.repeat(5000), 'x-shopify-webhook-id': '' })).id).toBe(bare.id);
  });

  it('takes the topic’s word only for what the body leaves open', () => {
    const type = (topic: string, of = body): string =>
      only({ ...withHeaders({ 'x-shopify-topic': topic }), body: of }).type;
    expect(type('products/update')).toBe('order_transactions/create');
    expect(type('order_transactions/update')).toBe('order_transactions/update');
    expect(type('products/update', Buffer.from('{"id":1,"title":"x"}'))).toBe('products/update');
    expect(type('a b\u0000', Buffer.from('{"id":1}'))).toBe('unknown');
  });

  it('knows test transactions, also inside a refund', () => {
    expect(only({ ...signed, body: shopifyBody(shopifyTransaction({ test: true })) }).live).toBe(false);
    expect(only({ ...signed, body: Buffer.from('{"transactions":[{"test":true}]}') }).live).toBe(false);
    expect(only({ ...signed, body: Buffer.from('{"id":1}') }).live).toBeNull();
  });
});

it('says what is wrong with settings and secrets', () => {
  for (const settings of [
    { gateways: [] },
    { gateways: 'shopify_payments' },
    { gateways: [''] },
    { shop_domain: 'https://made.myshopify.com' },
    { shop_domain: 1 },
    { tolerance_s: 5 },
  ])
    expect(shopify.checkSettings(settings), JSON.stringify(settings)).not.toEqual([]);
  expect(shopify.checkSecret('shpat_0123456789abcdef')).toContain('access token');
});
