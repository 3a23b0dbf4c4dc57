import { describe, expect, it } from 'vitest';
import type { EndpointSettings, ListedPage } from '../../../src/providers/provider.ts';
import { stripe } from '../../../src/providers/stripe/index.ts';
import { apiContext } from '../../support/api-context.ts';
import { normaliseBody } from './normalise.ts';
import { stripeCharge, stripeEvent } from './samples.ts';

const NOW = 1_767_225_600_000;
const RANGE = { from: NOW - 3_600_000, to: NOW };
const KEY = { api_key: 'rk_live_madebyus' };
const OK = '{"object":"list","data":[],"has_more":false}';

type Answer = { status: number; body?: string; headers?: Record<string, string> };

async function list(cursor: string | null, answer: Answer, settings: EndpointSettings = KEY) {
  const { context, calls } = apiContext(settings, NOW, () => answer);
  const page = await stripe.api?.list?.page(RANGE, cursor, context);
  if (page === undefined) throw new Error('it lists nothing');
  return { page, calls };
}

function pageOf(page: ListedPage): Extract<ListedPage, { kind: 'page' }> {
  if (page.kind !== 'page') throw new Error(page.detail);
  return page;
}

async function fetchObject(kind: string, id: string, answer: Answer = { status: 200, body: '{}' }) {
  const { context, calls } = apiContext(KEY, NOW, () => answer);
  return { fetched: await stripe.api?.fetchObject({ kind, id }, context), calls };
}

describe('the list of events', () => {
  it('is asked for by time, page after page, and then the balance transactions', async () => {
    const events = '{"data":[{"id":"evt_2","created":1767225000},{"id":"evt_1","created":1767224000}],"has_more":true}';
    const first = await list(null, { status: 200, body: events });
    expect(first.calls).toMatchObject([
      {
        method: 'GET',
        host: 'api.stripe.com',
        path: '/v1/events?limit=100&created%5Bgte%5D=1767222000&created%5Blt%5D=1767225600',
        headers: { authorization: 'Bearer rk_live_madebyus' },
      },
    ]);
    expect(first.calls[0]?.headers).not.toHaveProperty('stripe-account');
    expect(first.page).toMatchObject({
      next: 'events/0/evt_1',
      events: [{ at: 1_767_225_000_000 }, { at: 1_767_224_000_000 }],
    });
    const second = await list('events/0/evt_1', { status: 200, body: OK });
    expect(second.calls[0]?.path).toContain('&starting_after=evt_1');
    expect(second.page).toMatchObject({ next: 'fees/0/' });
    const third = await list('fees/0/', { status: 200, body: OK });
    expect(third.calls[0]?.path).toMatch(/^\/v1\/balance_transactions\?limit=100&created/);
    expect(third.page).toMatchObject({ next: null });
  });

  it('gives each event in its own bytes: the same id and content as its webhook', async () => {
    const webhook = stripeEvent('charge.succeeded', stripeCharge(), { pending_webhooks: 1 });
    const exact = webhook.toString().replaceAll('12345', '9007199254740993');
    const listed = exact.replace('"pending_webhooks":1', '"pending_webhooks":0').replaceAll('":', '" : ');
    const { page } = await list(null, { status: 200, body: `{ "data": [ ${listed} ], "has_more": false }` });
    const [event] = pageOf(page).events;
    expect(event?.body.toString()).toBe(listed);
    const identified = [Buffer.from(exact), event?.body ?? Buffer.alloc(0)].map((body) => {
      const found = stripe.identify({ method: 'GET', url: '/v1/events', headers: [], body }, KEY);
      if (found.kind !== 'events') throw new Error(found.kind);
      return found.events.map(({ id, type, fingerprint }) => [id, type, fingerprint().toString('hex')]);
    });
    expect(identified[1]).toEqual(identified[0]);
    expect(normaliseBody(event?.body ?? Buffer.alloc(0))).toMatchObject({
      effects: [{ amount: 9007199254740993n }],
    });
  });

  it('of connected accounts is asked for one by one, and says whose each event is', async () => {
    const settings = { ...KEY, accounts: ['acct_1', 'other', 'acct_2'] };
    const body = '{"data":[{"id":"evt_1","created":1767225000}],"has_more":false}';
    const first = await list(null, { status: 200, body }, settings);
    expect(first.calls[0]?.headers).toMatchObject({ 'stripe-account': 'acct_1' });
    expect(first.page).toMatchObject({ next: 'events/1/', events: [{ account: 'acct_1' }] });
    const second = await list('events/1/', { status: 200, body }, settings);
    expect(second.calls[0]?.headers).toMatchObject({ 'stripe-account': 'acct_2' });
    expect(second.page).toMatchObject({ next: 'fees/0/' });
  });

  it.each<[string, Answer, object]>([
    ['a key without the permission', { status: 403 }, { kind: 'refused', detail: expect.stringContaining('Events') }],
    ['a wrong key', { status: 401 }, { kind: 'refused' }],
    ['too many calls', { status: 429, headers: { 'retry-after': '9' } }, { kind: 'later', at: NOW + 9_000 }],
    ['Stripe away', { status: 502 }, { kind: 'later' }],
    ['a lock', { status: 400, headers: { 'stripe-should-retry': 'true' } }, { kind: 'later' }],
    ['a wrong question', { status: 400, headers: { 'stripe-should-retry': 'false' } }, { kind: 'refused' }],
    ['a redirect', { status: 302, headers: { location: 'https://evil.example/' } }, { kind: 'refused' }],
  ])('tells %s', async (_name, answer, expected) => {
    expect((await list(null, answer)).page).toMatchObject(expected);
  });

  it('is not of thin events, which have ids of their own', () => {
    const covers = stripe.api?.list?.covers;
    expect(
      ['charge.succeeded', 'v1.charge.succeeded', 'v2.core.health.x', 'v2x'].map((type) => covers?.(type)),
    ).toEqual([true, false, false, true]);
  });

  it('takes no cursor but its own, and no answer that is no list', async () => {
    for (const cursor of ['', 'events', 'events/0/evt_1&x=y', 'events/0/../account', 'payouts/0/', 'events/99999/'])
      expect((await list(cursor, { status: 200, body: OK })).page.kind).toBe('refused');
    for (const body of ['', '<html>', '[]', '{}', '{"data":{}}'])
      await expect(list(null, { status: 200, body })).rejects.toMatchObject({ code: 'unreadable_event' });
  });
});

describe('balance transactions', () => {
  const txn = (change: object = {}): object => ({
    id: 'txn_1',
    object: 'balance_transaction',
    type: 'charge',
    source: 'ch_1',
    amount: 12345,
    fee: 456,
    net: 11889,
    currency: 'eur',
    created: 1_767_225_000,
    ...change,
  });

  it('are listed where they have a fee that no other event tells', async () => {
    const data = [
      txn(),
      txn({ id: 'txn_2', fee: 0 }),
      txn({ id: 'txn_3', type: 'payout' }),
      txn({ id: 'txn_4', type: 'refund' }),
    ];
    const { page } = await list('fees/0/', { status: 200, body: JSON.stringify({ data, has_more: false }) });
    expect(pageOf(page).events.map((one) => [JSON.parse(one.body.toString()).id, one.object, one.live])).toEqual([
      ['txn_1', true, true],
      ['txn_4', true, true],
    ]);
  });

  it('post the fee under the key that the event has which writes it out', () => {
    const listed = normaliseBody(Buffer.from(JSON.stringify(txn())));
    const told = normaliseBody(stripeEvent('charge.updated', stripeCharge({ id: 'ch_1', balance_transaction: txn() })));
    if (listed.kind !== 'effects' || told.kind !== 'effects') throw new Error('no effects');
    expect(listed.effects).toEqual(told.effects.filter((one) => one.type === 'payment.fee_known'));
    expect(listed.references).toContainEqual({ kind: 'payment', id: 'ch_1' });
  });

  it('are known by their own id, as what they are', () => {
    const request = { method: 'GET', url: '/', headers: [], body: Buffer.from(JSON.stringify(txn())) };
    expect(stripe.identify(request, KEY)).toMatchObject({
      events: [{ id: 'txn_1', type: 'balance_transaction', occurredAt: 1_767_225_000_000 }],
    });
  });

  it('without a payment or refund post nothing', () => {
    for (const change of [{ type: 'payout' }, { source: null }, { fee: 0 }])
      expect(normaliseBody(Buffer.from(JSON.stringify(txn(change)))).kind).toBe('no_effect');
    expect(normaliseBody(Buffer.from(JSON.stringify(txn({ currency: 'xxq' }))))).toMatchObject({
      waitingFor: 'currency',
    });
  });
});

describe('an object', () => {
  it.each([
    ['charge', 'ch_1', '/v1/charges/ch_1?expand'],
    ['dispute', 'dp_1', '/v1/disputes/dp_1'],
    ['refunds of', 'ch_1', '/v1/refunds?charge=ch_1&'],
    ['reversals of', 'tr_1', '/v1/transfers/tr_1/reversals'],
    ['charge', 'ch_1?x=/../y', '/v1/charges/y?'],
  ])('%s %s is asked for where it is, and nowhere else', async (kind, id, path) => {
    const { fetched, calls } = await fetchObject(kind, id);
    if (id.includes('?')) {
      expect({ fetched, calls }).toMatchObject({ fetched: { kind: 'refused' }, calls: [] });
      return;
    }
    expect(fetched?.kind).toBe('found');
    expect(calls.map((call) => call.path.slice(0, path.length))).toEqual([path]);
  });

  it('has its id encoded, and its account in a header', async () => {
    const { calls } = await fetchObject('charge', 'acct_9/ch_1?a=b#c é');
    expect(calls[0]?.path).toMatch(/^\/v1\/charges\/ch_1%3Fa%3Db%23c%20%C3%A9\?expand/);
    expect(calls[0]?.headers).toMatchObject({ 'stripe-account': 'acct_9' });
    expect((await fetchObject('charge', 'acct_9\r\nx: y/ch_1')).calls).toEqual([]);
  });

  it('is missing, refused or late as Stripe answers', async () => {
    expect((await fetchObject('charge', 'ch_1', { status: 404 })).fetched).toMatchObject({ kind: 'missing' });
    expect((await fetchObject('refunds of', 'ch_1', { status: 403 })).fetched).toMatchObject({
      detail: 'answered 403: the key lacks read access to refunds',
    });
    expect((await fetchObject('charge', 'ch_1', { status: 429 })).fetched).toMatchObject({ kind: 'later' });
    for (const kind of ['customer', '__proto__', 'toString'])
      expect((await fetchObject(kind, 'x')).fetched).toMatchObject({ kind: 'refused' });
  });
});

describe('what was fetched', () => {
  const refund = (id: string, amount: number, change: object = {}): object => ({
    id,
    object: 'refund',
    amount,
    currency: 'eur',
    status: 'succeeded',
    charge: 'ch_1',
    created: 1_767_225_000,
    ...change,
  });
  const keys = (meaning: ReturnType<typeof normaliseBody>): string[] =>
    meaning.kind === 'effects' ? meaning.effects.map(({ key }) => key) : [`${meaning.kind}: ${meaning.reason}`];

  it('tells which refunds a sum over refunds is made of', () => {
    const body = stripeEvent('charge.refunded', stripeCharge({ amount_refunded: 300 }));
    expect(normaliseBody(body)).toMatchObject({ kind: 'fetch', object: { kind: 'refunds of', id: 'ch_1' } });
    expect(keys(normaliseBody(body, { data: [refund('re_2', 200), refund('re_1', 100)] }))).toEqual([
      'ch_1:captured:12345',
      're_2:created',
      're_2:succeeded',
      're_1:created',
      're_1:succeeded',
    ]);
    expect(normaliseBody(body, { data: [] })).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
  });

  it('is asked for in the account that the event names', () => {
    const body = stripeEvent('charge.refunded', stripeCharge({ amount_refunded: 300 }), { account: 'acct_9' });
    expect(normaliseBody(body)).toMatchObject({ object: { id: 'acct_9/ch_1' } });
  });

  it('stands for the object that a thin event only names', () => {
    const thin = (type: string, change: object = {}): Buffer =>
      Buffer.from(
        JSON.stringify({
          id: 'evt_thin',
          object: 'v2.core.event',
          type,
          created: '2026-01-01T00:00:00.000Z',
          related_object: { id: 'ch_1', type: 'charge', url: 'https://evil.example/v1/charges/ch_1' },
          ...change,
        }),
      );
    expect(normaliseBody(thin('v1.charge.succeeded'))).toMatchObject({
      kind: 'fetch',
      object: { kind: 'charge', id: 'ch_1' },
    });
    expect(normaliseBody(thin('v1.charge.succeeded', { context: 'org_1/acct_9' }))).toMatchObject({
      object: { id: 'acct_9/ch_1' },
    });
    expect(keys(normaliseBody(thin('v1.charge.succeeded'), stripeCharge({ id: 'ch_1' })))).toEqual([
      'ch_1:captured:12345',
    ]);
    const refunds = { data: [refund('re_1', 100)] };
    const refunded = stripeCharge({ id: 'ch_1', amount_refunded: 100, refunds });
    expect(keys(normaliseBody(thin('v1.charge.refunded'), refunded))).toContain('re_1:succeeded');
    expect(normaliseBody(thin('v1.charge.refunded'), stripeCharge({ amount_refunded: 100 }))).toMatchObject({
      waitingFor: 'adapter',
    });
    expect(
      normaliseBody(thin('v1.charge.succeeded', { related_object: { id: 'x', type: 'unheard.of' } })),
    ).toMatchObject({
      waitingFor: 'adapter',
    });
    expect(() => normaliseBody(thin('v1.charge.succeeded'), [])).toThrow(
      expect.objectContaining({ code: 'unreadable_event' }),
    );
  });

  it('lists the movements of a dispute, and the reversals of a transfer', () => {
    const dispute = { id: 'dp_1', object: 'dispute', amount: 500, currency: 'eur', status: 'needs_response' };
    const withdrawn = { id: 'txn_d', amount: -500, fee: 1500, currency: 'eur', created: 1_767_225_000 };
    const body = stripeEvent('charge.dispute.funds_withdrawn', dispute);
    expect(normaliseBody(body)).toMatchObject({ kind: 'fetch', object: { kind: 'dispute', id: 'dp_1' } });
    expect(keys(normaliseBody(body, { ...dispute, balance_transactions: [withdrawn] }))).toEqual([
      'txn_d:withdrawn',
      'txn_d:fee',
    ]);
    const transfer = {
      id: 'tr_1',
      object: 'transfer',
      amount: 900,
      currency: 'eur',
      destination: 'acct_9',
      amount_reversed: 300,
    };
    const reversed = { id: 'trr_1', object: 'transfer_reversal', amount: 300, created: 1_767_225_000 };
    expect(keys(normaliseBody(stripeEvent('transfer.reversed', transfer), { data: [reversed] }))).toEqual([
      'tr_1:created',
      'trr_1:reversed',
    ]);
  });
});

it('takes a secret or restricted key of its mode, and nothing else for one', () => {
  const faults = (settings: EndpointSettings): number => stripe.checkSettings(settings).length;
  expect(faults({ api_key: 'rk_live_madebyus', mode: 'live' })).toBe(0);
  expect(faults({ api_key: 'sk_test_madebyus' })).toBe(0);
  for (const key of ['pk_live_madebyus', 'whsec_madebyus', '', 'sk_live_made by us', 'sk_live_x\r\ny', 7])
    expect(faults({ api_key: key }), String(key)).toBe(1);
  expect(faults({ api_key: 'sk_test_madebyus', mode: 'live' })).toBe(1);
  expect(faults({ backfill_every_s: 0, backfill_types: ['charge.*', 'refund.created'] })).toBe(0);
  for (const every of [-1, 1, 299, 1.5, '900', 1e9]) expect(faults({ backfill_every_s: every as number })).toBe(1);
  for (const types of [[], [''], ['*x'], ['a b'], 'charge.*', [7]])
    expect(faults({ backfill_types: types as string[] })).toBe(1);
});
