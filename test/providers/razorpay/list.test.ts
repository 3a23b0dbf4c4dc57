import { describe, expect, it } from 'vitest';
import type { EndpointSettings, Normalised } from '../../../src/providers/provider.ts';
import { razorpay } from '../../../src/providers/razorpay/index.ts';
import { apiContext } from '../../support/api-context.ts';
import { NOW, razorpayEvent, razorpayPayment, razorpayRefund } from './samples.ts';

const RANGE = { from: NOW - 3_600_000, to: NOW };
const KEY = { api_key: 'rzp_live_madeKey000001:madeSecret00000001', account: 'acc_MADEACCOUNT01' };
const SETTINGS = { ...KEY, settlement_currency: 'INR' };
type Answer = { status: number; body?: string; headers?: Record<string, string> };

const SETTLEMENT = {
  id: 'setl_MADE1',
  entity: 'settlement',
  amount: 48_820,
  status: 'processed',
  created_at: NOW / 1000 - 20,
};

async function list(cursor: string | null, answer: Answer, settings: EndpointSettings = KEY) {
  const { context, calls } = apiContext(settings, NOW, () => answer);
  return { page: await razorpay.api?.list?.page(RANGE, cursor, context), calls };
}

function items(...entities: readonly (object | string)[]): Answer {
  const texts = entities.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
  return { status: 200, body: `{"entity":"collection","count":${texts.length},"items":[${texts.join(' ,')}]}` };
}

function identified(entity: object | string) {
  const body = Buffer.from(typeof entity === 'string' ? entity : JSON.stringify(entity));
  const found = razorpay.identify({ method: 'GET', url: '/v1/payments', headers: [], body }, SETTINGS);
  if (found.kind !== 'events' || found.events[0] === undefined) throw new Error('no event');
  return { body, event: found.events[0] };
}

function meaningOf(entity: object | string, fetched: object | null = null): Normalised {
  const { body, event } = identified(entity);
  const { item, id, type } = event;
  const told = { item, id, type, account: KEY.account, headers: [], receivedAt: NOW, level: 'body' } as const;
  const answer = fetched === null ? null : Buffer.from(JSON.stringify(fetched));
  return razorpay.normalise({ ...told, body, fetched: answer }, SETTINGS);
}

describe('the lists of payments, refunds and settlements', () => {
  it('are asked for by time, a hundred at once, one list after the other', async () => {
    const first = await list(null, items(razorpayPayment(), razorpayPayment({ id: 'pay_MADE2' })));
    expect(first.calls).toEqual([
      {
        method: 'GET',
        host: 'api.razorpay.com',
        path: `/v1/payments?from=${RANGE.from / 1000}&to=${RANGE.to / 1000}&count=100&skip=0`,
        headers: { authorization: `Basic ${Buffer.from(KEY.api_key).toString('base64')}` },
      },
    ]);
    expect(first.page).toMatchObject({
      path: '/v1/payments',
      next: 'payments/2',
      events: [{ at: NOW - 60_000, live: true, account: KEY.account, object: true }, {}],
    });
    const second = await list('payments/2', items());
    expect(second.calls[0]?.path).toMatch(/^\/v1\/payments\?.*&skip=2$/);
    expect(second.page).toMatchObject({ events: [], next: 'refunds/0' });
    expect((await list('refunds/0', items())).page).toMatchObject({ path: '/v1/refunds', next: 'settlements/0' });
    expect((await list('settlements/0', items(SETTLEMENT))).page).toMatchObject({ next: 'settlements/1' });
    expect((await list('settlements/1', items())).page).toMatchObject({ next: null });
  });

  it('leave out what is out of the range, and what moved no money', async () => {
    const early = razorpayPayment({ created_at: RANGE.from / 1000 - 1 });
    const late = razorpayPayment({ created_at: RANGE.to / 1000 });
    const begun = razorpayPayment({ status: 'created', captured: false });
    expect((await list(null, items(early, late, begun))).page).toMatchObject({ events: [], next: 'payments/3' });
    const failed = { ...SETTLEMENT, status: 'failed' };
    expect((await list('settlements/0', items(failed, SETTLEMENT))).page).toMatchObject({ events: [{}] });
  });

  it('give each entity in its own bytes', async () => {
    const told = JSON.stringify(razorpayPayment()).replace('50000', '9007199254740993').replace('{', '{ "x":1.10,');
    const { page } = await list(null, items(told));
    if (page?.kind !== 'page') throw new Error('no page');
    expect(page.events.map(({ body }) => body.toString())).toEqual([told]);
    expect(meaningOf(told)).toMatchObject({ amount: { amount: 9_007_199_254_740_993n } });
  });

  it('are not asked for under an account that webhooks do not name: it would count everything twice', async () => {
    for (const account of [undefined, 'main', 'acc_a/b']) {
      const { page, calls } = await list(null, items(), { api_key: KEY.api_key, ...(account && { account }) });
      expect([page?.kind, calls]).toEqual(['refused', []]);
    }
  });

  it('say what is missing where the key may not read them, and wait as long as Razorpay asks', async () => {
    expect((await list(null, { status: 401 })).page).toMatchObject({
      kind: 'refused',
      detail: 'answered 401: the key is not known, or expired',
    });
    expect((await list('settlements/0', { status: 403 })).page).toMatchObject({
      kind: 'refused',
      detail: 'answered 403: the key lacks read access to settlements',
    });
    const busy = await list(null, { status: 429, headers: { 'retry-after': '5' } });
    expect(busy.page).toMatchObject({ kind: 'later', at: NOW + 5_000 });
  });

  it('are never taken for empty where the answer is none', async () => {
    for (const body of ['', '<html>', '[]', '{}', '{"items":{"0":1}}'])
      await expect(list(null, { status: 200, body })).rejects.toMatchObject({ code: 'unreadable_event' });
    for (const cursor of ['', 'orders/0', 'payments/-1', 'payments/1&to=9'])
      expect((await list(cursor, items())).page?.kind).toBe('refused');
  });
});

describe('a listed entity', () => {
  it('is an event of its state, and of the same content until its money is another', () => {
    const paid = identified(razorpayPayment()).event;
    expect(paid).toMatchObject({ id: 'pay_MADE1:captured', type: 'payment', account: null, occurredAt: NOW - 60_000 });
    expect(identified(razorpayPayment({ status: 'authorized' })).event.id).not.toBe(paid.id);
    const noted = identified(razorpayPayment({ notes: { a: 'b' }, amount_refunded: 5 })).event;
    expect([noted.id, noted.fingerprint()]).toEqual([paid.id, paid.fingerprint()]);
    expect(identified(razorpayPayment({ amount: 1 })).event.fingerprint()).not.toEqual(paid.fingerprint());
  });

  it('posts under the keys of its webhook, so nothing posts twice', () => {
    const effects = (meaning: Normalised) =>
      meaning.kind === 'effects' ? meaning.effects.map(({ key, type }) => [key, type]) : [];
    const pairs = [
      [razorpayPayment(), 'payment.captured', 'payment'],
      [razorpayPayment({ status: 'authorized', captured: false }), 'payment.authorized', 'payment'],
      [razorpayPayment({ status: 'failed', captured: false }), 'payment.failed', 'payment'],
      [SETTLEMENT, 'settlement.processed', 'settlement'],
    ] as const;
    for (const [entity, type, name] of pairs) {
      const told = effects(meaningOf(entity));
      expect(told.length).toBeGreaterThan(0);
      expect(told).toEqual(effects(meaningOf(razorpayEvent(type, { [name]: entity }).toString())));
    }
  });

  it('of a refund waits for its payment: what was never captured gives no money back', () => {
    const refund = razorpayRefund();
    expect(meaningOf(refund)).toMatchObject({ kind: 'fetch', object: { kind: 'payment', id: 'pay_MADE1' } });
    expect(meaningOf(refund, razorpayPayment())).toMatchObject({ effects: [{ key: 'rfnd_MADE1:succeeded' }] });
    const voided = razorpayPayment({ status: 'refunded', captured: false });
    expect(meaningOf(refund, voided)).toMatchObject({ effects: [{ type: 'payment.cancelled' }] });
    for (const other of [razorpayPayment({ id: 'pay_OTHER' }), razorpayPayment({ captured: null }), {}])
      expect(meaningOf(refund, other)).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
  });
});

it('asks for the payment of a refund, encoded, and tells a missing one from a busy Razorpay', async () => {
  const ask = async (status: number, kind = 'payment') => {
    const { context, calls } = apiContext(KEY, NOW, () => ({ status, body: '{}' }));
    return { fetched: await razorpay.api?.fetchObject({ kind, id: 'a/../b?c' }, context), calls };
  };
  const { fetched, calls } = await ask(200);
  expect([fetched?.kind, calls[0]?.path]).toEqual(['found', '/v1/payments/a%2F..%2Fb%3Fc']);
  expect((await ask(400)).fetched?.kind).toBe('missing');
  expect((await ask(401)).fetched?.kind).toBe('refused');
  expect((await ask(429)).fetched?.kind).toBe('later');
  expect(await ask(200, 'order')).toMatchObject({ fetched: { kind: 'missing' }, calls: [] });
});

it('takes key id and secret for a key, together with the account that webhooks name', () => {
  expect(razorpay.checkSettings(KEY)).toEqual([]);
  expect(razorpay.checkSettings({ api_key: KEY.api_key })).toMatchObject([{ path: '/account' }]);
  for (const key of ['', 'rzp_live_madeKey000001', 'rzp_live_madeKey000001:', 'a:b', 'rzp_live_a b:c', 7])
    expect(razorpay.checkSettings({ ...KEY, api_key: key })).toMatchObject([{ path: '/api_key' }]);
});
