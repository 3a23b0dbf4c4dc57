import { describe, expect, it } from 'vitest';
import { checkout } from '../../../src/providers/checkout/index.ts';
import type { Normalised } from '../../../src/providers/provider.ts';
import { apiContext } from '../../support/api-context.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { checkoutEvent, NOW, payment as paymentData } from './samples.ts';

const RANGE = { from: NOW - 3_600_000, to: NOW };
const KEY = { api_key: 'sk_sbox_madeKeyOfNoAccount001' };
const MADE = '2025-12-31T23:00:00.4695512Z';
type Answer = { status: number; body?: string; headers?: Record<string, string> };

async function list(cursor: string | null, answer: Answer, range = RANGE) {
  const { context, calls } = apiContext(KEY, NOW, () => answer);
  return { page: await checkout.api?.list?.page(range, cursor, context), calls };
}

const payment = (change: object = {}): object => ({
  id: 'pay_made1',
  requested_on: MADE,
  amount: 6540,
  currency: 'USD',
  payment_type: 'Regular',
  status: 'Captured',
  reference: 'ORDER-1',
  balances: { total_authorized: 6540, total_captured: 6540, available_to_capture: 0 },
  ...change,
});
const dispute = (change: object = {}): object => ({
  id: 'dsp_made1',
  category: 'fraudulent',
  status: 'won',
  amount: 8150,
  currency: 'GBP',
  payment_id: 'pay_made1',
  last_update: MADE,
  ...change,
});
const action = (type: string, id: string, change: object = {}): object => ({
  id,
  type,
  processed_on: MADE,
  amount: 6540,
  approved: true,
  ...change,
});
const answerOf = (...data: readonly object[]): Answer => ({ status: 200, body: JSON.stringify({ data }) });

function told(object: object): { id: string; print: string } {
  const body = Buffer.from(JSON.stringify(object));
  const found = checkout.identify({ method: 'GET', url: '/', headers: [], body }, KEY);
  if (found.kind !== 'events' || found.events[0] === undefined) throw new Error('no event');
  return { id: found.events[0].id, print: found.events[0].fingerprint().toString('hex') };
}

function meaning(object: object, actions: unknown = null): Normalised {
  const body = Buffer.from(JSON.stringify(object));
  const fetched = actions === null ? null : Buffer.from(JSON.stringify(actions));
  const event = { item: 0, id: 'x', type: 'payment', account: 'main', headers: [], body, receivedAt: NOW, fetched };
  return checkout.normalise({ ...event, level: 'body' }, KEY);
}

/** What posts: everything but times. */
const posts = (found: Normalised) =>
  found.kind === 'effects' ? found.effects.map(({ at: _at, ...effect }) => effect) : found.kind;
const webhook = (type: string, data: object) => posts(meaningOf(checkout, checkoutEvent(type, data)));

describe('payments are searched', () => {
  it('in windows of when they were requested, then disputes by when they changed', async () => {
    const first = await list(null, answerOf(payment()));
    expect(first.calls).toEqual([
      {
        method: 'POST',
        host: 'api.sandbox.checkout.com',
        path: '/payments/search',
        headers: {
          authorization: `Bearer ${KEY.api_key}`,
          accept: 'application/json',
          'content-type': 'application/json',
        },
        body: '{"query":"amount:>=0","limit":500,"from":"2025-12-31T23:00:00.000Z","to":"2026-01-01T00:00:00.000Z"}',
      },
    ]);
    expect(first.page).toMatchObject({ events: [{ object: true, live: false }], next: 'disputes/0' });
    const disputes = await list('disputes/0', answerOf(dispute()));
    expect(disputes.calls[0]).toMatchObject({
      method: 'GET',
      path: '/disputes?limit=250&skip=0&from=2025-12-31T23:00:00.000Z&to=2026-01-01T00:00:00.000Z',
    });
    expect(disputes.page).toMatchObject({ events: [{ object: true }], next: 'disputes/1' });
    expect((await list('disputes/1', answerOf())).page).toMatchObject({ events: [], next: null });
  });

  it('in halves of a window that is full, so that nothing is cut off, and never without end', async () => {
    const full = answerOf(...Array.from({ length: 500 }, () => payment()));
    expect((await list(null, full)).page).toMatchObject({ events: [], next: `payments/${RANGE.from}/1800000` });
    const half = await list(`payments/${RANGE.from}/1800000`, answerOf(payment()));
    expect(half.calls[0]?.body).toContain('"to":"2025-12-31T23:30:00.000Z"');
    expect(half.page).toMatchObject({ next: `payments/${RANGE.from + 1_800_000}/1800000` });
    expect((await list(`payments/${RANGE.from}/1500`, full)).page).toMatchObject({
      kind: 'refused',
      detail: expect.stringContaining('within a second'),
    });
  });

  it('without what moved no money, or lies outside', async () => {
    const { page } = await list(
      null,
      answerOf(
        payment({ status: 'Pending' }),
        payment({ status: 'Declined' }),
        payment({ requested_on: '2026-01-01T00:00:00Z' }),
      ),
    );
    expect(page).toMatchObject({ events: [] });
  });

  it('in their own bytes', async () => {
    const text = JSON.stringify(payment()).replace('6540', '900719925474099301').replace('{', '{ "rate": 1.10,\n');
    const { page } = await list(null, { status: 200, body: `{"data":[${text}]}` });
    expect(page?.kind === 'page' && page.events[0]?.body.toString()).toBe(text);
  });

  it('with a word on what the key lacks, and patience', async () => {
    expect((await list(null, { status: 401 })).page).toMatchObject({ kind: 'refused' });
    expect((await list(null, { status: 403 })).page).toMatchObject({
      detail: expect.stringContaining('payments:search'),
    });
    expect((await list('disputes/0', { status: 403 })).page).toMatchObject({
      detail: expect.stringContaining('disputes:view'),
    });
    const busy = await list(null, { status: 429, headers: { 'retry-after': '9' } });
    expect(busy.page).toMatchObject({ kind: 'later', at: NOW + 9_000 });
    expect((await list(null, { status: 422 })).page).toMatchObject({ kind: 'refused' });
  });

  it('never taken for none where the answer is none, nor by a cursor of somebody else', async () => {
    for (const body of ['', '<html>', '[]', '{}', '{"data":{}}'])
      for (const cursor of [null, 'disputes/0'])
        await expect(list(cursor, { status: 200, body })).rejects.toMatchObject({ code: 'unreadable_event' });
    for (const cursor of ['', 'payments/', 'payments/1/x', 'disputes/-1', 'refunds/0'])
      expect((await list(cursor, answerOf())).page?.kind, cursor).toBe('refused');
  });
});

describe('a listed payment', () => {
  it('is an event of its state, whatever else it tells', () => {
    expect(told(payment()).id).toBe('pay_made1:captured:6540/6540//');
    expect(told(payment({ risk: { score: 22 } }))).toEqual(told(payment()));
    const refunded = payment({ balances: { total_authorized: 6540, total_captured: 6540, total_refunded: 100 } });
    expect(told(refunded).id).not.toBe(told(payment()).id);
    expect(told(payment({ currency: 'EUR' })).print).not.toBe(told(payment()).print);
  });

  it('asks for its actions, and posts what their webhooks would have', () => {
    expect(meaning(payment())).toMatchObject({ kind: 'fetch', object: { kind: 'payment', id: 'pay_made1' } });
    const part = { amount: 1000 };
    const state = payment({ status: 'Partially Refunded', balances: { available_to_capture: 0 } });
    const actions = [
      action('Refund', 'act_4', { ...part, processed_on: '2025-12-31T23:04:00Z' }),
      action('Capture', 'act_3', { amount: 5540, processed_on: '2025-12-31T23:03:00Z' }),
      action('Capture', 'act_2', { ...part, processed_on: '2025-12-31T23:02:00Z' }),
      action('Authorization', 'act_1', { processed_on: '2025-12-31T23:01:00Z' }),
      action('Refund', 'act_5', { ...part, approved: false, processed_on: '2025-12-31T23:05:00Z' }),
      action('Refund', 'act_6', { ...part, approved: undefined }),
      action('Capture', 'act_7', { approved: false }),
      action('Card Verification', 'act_8', { amount: 0 }),
    ];
    const data = (id: string, amount: number, left = 0) =>
      paymentData({ action_id: id, amount, balances: { available_to_capture: left } });
    expect(posts(meaning(state, actions))).toEqual(
      [
        webhook('payment_approved', data('act_1', 6540, 6540)),
        webhook('payment_captured', data('act_2', 1000, 5540)),
        webhook('payment_captured', data('act_3', 5540)),
        webhook('payment_refunded', data('act_4', 1000)),
        webhook('payment_refund_declined', data('act_5', 1000)),
      ].flat(),
    );
  });

  it('is voided, expired and returned like its webhooks say', () => {
    const open = { available_to_capture: 0 };
    const approved = action('Authorization', 'act_1');
    const authorised = webhook('payment_approved', paymentData({ action_id: 'act_1' }));
    const ended = webhook('payment_voided', paymentData({ action_id: 'act_2', balances: open }));
    expect(posts(meaning(payment({ status: 'Voided' }), [approved, action('Void', 'act_2')]))).toEqual(
      [authorised, ended].flat(),
    );
    expect(posts(meaning(payment({ status: 'Expired' }), [approved]))).toEqual([authorised, ended].flat());
    const returned = webhook('payment_returned', paymentData({ action_id: 'act_9' }));
    expect(posts(meaning(payment(), [action('Capture', 'act_made1'), action('Return', 'act_9')]))).toEqual(
      [webhook('payment_captured', paymentData()), returned].flat(),
    );
  });

  it('waits rather than leave a hole', () => {
    expect(meaning(payment(), [])).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
    expect(meaning(payment(), { items: [] })).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
    expect(meaning(payment(), [action('Teleport', 'a')])).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
    expect(meaning(payment(), [action('Capture', 'a', { amount: undefined })]).kind).toBe('deferred');
    expect(meaning(payment({ currency: 'QQQ' }), [action('Capture', 'a')])).toMatchObject({ waitingFor: 'currency' });
    expect(meaning(payment({ destination: { type: 'card' } }))).toMatchObject({
      kind: 'deferred',
      waitingFor: 'adapter',
    });
    expect(() => meaning(payment(), [action('Capture', 'a', { amount: -1 })])).toThrow('below zero');
  });
});

describe('a listed dispute', () => {
  it('posts what the events of its state would have', () => {
    const states = {
      evidence_required: 'dispute_evidence_required',
      evidence_under_review: 'dispute_evidence_submitted',
      won: 'dispute_won',
      canceled: 'dispute_canceled',
      lost: 'dispute_lost',
      expired: 'dispute_expired',
      accepted: 'dispute_accepted',
      arbitration_lost: 'dispute_arbitration_lost',
    };
    for (const [status, type] of Object.entries(states))
      expect(posts(meaning(dispute({ status }))), status).toEqual(webhook(type, dispute({ status: undefined })));
    expect(told(dispute()).id).toBe('dsp_made1:won');
  });

  it('takes no money before it asks for evidence, nor where it is not known', () => {
    expect(meaning(dispute({ status: 'received' })).kind).toBe('no_effect');
    expect(meaning(dispute({ status: 'resolved' })).kind).toBe('no_effect');
    expect(meaning(dispute({ status: 'teleported' }))).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
    expect(meaning(dispute({ amount: undefined }))).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
  });
});

describe('what is fetched', () => {
  it('is of a payment, by its id', async () => {
    const { context, calls } = apiContext(KEY, NOW, () => ({ status: 404 }));
    expect(await checkout.api?.fetchObject({ kind: 'payment', id: 'pay/1' }, context)).toMatchObject({
      kind: 'missing',
    });
    expect(calls[0]).toMatchObject({ method: 'GET', path: '/payments/pay%2F1/actions' });
    expect(await checkout.api?.fetchObject({ kind: 'dispute', id: 'x' }, context)).toMatchObject({ kind: 'missing' });
  });
});
