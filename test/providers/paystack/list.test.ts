import { describe, expect, it } from 'vitest';
import { paystack } from '../../../src/providers/paystack/index.ts';
import type { Normalised } from '../../../src/providers/provider.ts';
import { apiContext } from '../../support/api-context.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { NOW, paystackCharge, paystackEvent } from './samples.ts';

const RANGE = { from: NOW - 7_200_000, to: NOW };
const KEY = { api_key: 'sk_test_madeKeyOfNobody01' };
type Answer = { status: number; body?: string; headers?: Record<string, string> };

async function list(cursor: string | null, answer: Answer) {
  const { context, calls } = apiContext(KEY, NOW, () => answer);
  return { page: await paystack.api?.list?.page(RANGE, cursor, context), calls };
}

const answerOf = (...data: readonly object[]): Answer => ({
  status: 200,
  body: JSON.stringify({ status: true, data }),
});
const dispute = (change: object = {}): object => ({
  id: 2_867,
  domain: 'live',
  status: 'resolved',
  resolution: 'merchant-accepted',
  refund_amount: 39_100,
  currency: 'NGN',
  createdAt: '2025-10-01T00:00:00.000Z',
  resolvedAt: '2025-12-31T23:00:00.000Z',
  transaction: { reference: 'made-ref-0' },
  ...change,
});
const transfer = (change: object = {}): object => ({
  id: 860,
  domain: 'live',
  status: 'success',
  amount: 1_000,
  currency: 'NGN',
  transfer_code: 'TRF_made1',
  recipient: { recipient_code: 'RCP_made1' },
  createdAt: '2025-12-31T23:00:00.000Z',
  ...change,
});
const bodyOf = (kind: string, data: object): Buffer =>
  Buffer.from(`{"listed":"${kind}","data":${JSON.stringify(data)}}`);

function identified(kind: string, data: object) {
  const found = paystack.identify({ method: 'GET', url: '/', headers: [], body: bodyOf(kind, data) }, KEY);
  if (found.kind !== 'events' || found.events[0] === undefined) throw new Error('no event');
  return { ...found.events[0], print: found.events[0].fingerprint().toString('hex') };
}
function meaning(kind: string, data: object, fetched: object | null = null): Normalised {
  const event = { item: 0, id: 'x', type: kind, account: 'main', headers: [], receivedAt: NOW, level: 'body' } as const;
  const found = fetched === null ? null : Buffer.from(JSON.stringify({ status: true, data: fetched }));
  return paystack.normalise({ ...event, body: bodyOf(kind, data), fetched: found }, KEY);
}
const posts = (found: Normalised) =>
  found.kind === 'effects' ? found.effects.map(({ at: _at, ...effect }) => effect) : found.kind;
const webhook = (type: string, data: object) => posts(meaningOf(paystack, paystackEvent(type, data)));

describe('charges, disputes and transfers are listed', () => {
  it('page by page until one is empty', async () => {
    const first = await list(null, answerOf(paystackCharge()));
    expect(first.calls).toEqual([
      {
        method: 'GET',
        host: 'api.paystack.co',
        path: '/transaction?perPage=100&page=1&from=2025-12-31T22%3A00%3A00.000Z&to=2026-01-01T00%3A00%3A00.000Z',
        headers: { authorization: `Bearer ${KEY.api_key}`, accept: 'application/json' },
      },
    ]);
    expect(first.page).toMatchObject({ events: [{ object: true }], next: 'transaction/2' });
    expect((await list('transaction/2', answerOf())).page).toMatchObject({ events: [], next: 'dispute/1' });
    const disputes = await list('dispute/1', answerOf(dispute()));
    expect(disputes.calls[0]?.path).toContain('from=2025-09-02T22%3A00');
    expect(disputes.page).toMatchObject({ events: [{ at: NOW - 3_600_000 }], next: 'dispute/2' });
    expect((await list('dispute/2', answerOf())).page).toMatchObject({ next: 'transfer/1' });
    expect((await list('transfer/9', answerOf())).page).toMatchObject({ next: null });
  });

  it('without what moved no money, or ended at another time', async () => {
    const none = [{ status: 'failed' }, { status: 'abandoned' }, { created_at: '2026-01-01T00:00:00Z' }];
    for (const change of none)
      expect((await list(null, answerOf(paystackCharge(change)))).page).toMatchObject({ events: [] });
    for (const change of [{ status: 'pending' }, { resolvedAt: '2025-12-01T00:00:00Z' }])
      expect((await list('dispute/1', answerOf(dispute(change)))).page).toMatchObject({ events: [] });
    for (const status of ['pending', 'failed', 'otp'])
      expect((await list('transfer/1', answerOf(transfer({ status })))).page).toMatchObject({ events: [] });
  });

  it('in their own bytes', async () => {
    const text = JSON.stringify(paystackCharge())
      .replace('4099260516', '900719925474099301')
      .replace('{', '{ "x": 1.10,\n');
    const { page } = await list(null, { status: 200, body: `{"data":[${text}]}` });
    expect(page?.kind === 'page' && page.events[0]?.body.toString()).toBe(`{"listed":"transaction","data":${text}}`);
  });

  it('with a word on what the key lacks, and patience', async () => {
    expect((await list(null, { status: 401 })).page?.kind).toBe('refused');
    expect((await list('transfer/1', { status: 403 })).page).toMatchObject({
      kind: 'refused',
      detail: expect.stringContaining('access to transfers'),
    });
    const busy = await list(null, { status: 429, headers: { 'retry-after': '5' } });
    expect(busy.page).toMatchObject({ kind: 'later', at: NOW + 5_000 });
  });

  it('never taken for none where the answer is none, nor by a cursor of somebody else', async () => {
    for (const body of ['', '<html>', '[]', '{}', '{"status":false,"data":null}', '{"data":{}}'])
      await expect(list(null, { status: 200, body })).rejects.toMatchObject({ code: 'unreadable_event' });
    for (const cursor of ['', 'refund/1', 'transaction/', 'transaction/x', 'transaction/1?x'])
      expect((await list(cursor, answerOf())).page?.kind).toBe('refused');
  });
});

describe('a listed object', () => {
  it('is an event of its state, whatever else it tells', () => {
    const found = identified('transaction', paystackCharge());
    expect(found).toMatchObject({
      id: 'transaction:4099260516:success',
      type: 'transaction',
      live: true,
      idSigned: true,
    });
    expect(identified('transaction', paystackCharge({ log: {} })).print).toBe(found.print);
    expect(identified('transaction', paystackCharge({ amount: 1 })).print).not.toBe(found.print);
    expect(identified('transfer', transfer({ status: 'reversed' })).id).toBe('transfer:860:reversed');
  });

  it('posts what its webhook posts', () => {
    const shares = { split_code: 'SPL_1', shares: { subaccounts: [{ subaccount_code: 'ACCT_1', amount: 1_000 }] } };
    for (const change of [{}, { status: 'reversed' }, { fees: null }, { split: shares }])
      expect(posts(meaning('transaction', paystackCharge(change)))).toEqual(
        webhook('charge.success', paystackCharge(change)),
      );
    for (const resolution of ['merchant-accepted', 'auto-accepted', 'declined'])
      expect(posts(meaning('dispute', dispute({ resolution })))).toEqual(
        webhook('charge.dispute.resolve', dispute({ resolution })),
      );
    for (const status of ['success', 'reversed'])
      expect(posts(meaning('transfer', transfer({ status })))).toEqual(
        webhook(`transfer.${status}`, transfer({ status })),
      );
  });

  it('asks first where it does not say whether it was split', () => {
    const silent = paystackCharge({ split: undefined });
    expect(meaning('transaction', silent)).toMatchObject({
      kind: 'fetch',
      object: { kind: 'transaction', id: '4099260516' },
    });
    const shares = { split_code: 'SPL_1', shares: { subaccounts: [{ subaccount_code: 'ACCT_1', amount: 1_000 }] } };
    const whole = paystackCharge({ split: shares });
    expect(posts(meaning('transaction', silent, whole))).toEqual(webhook('charge.success', whole));
    const other = paystackCharge({ reference: 'another' });
    expect(meaning('transaction', silent, other)).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
  });

  it('is no request of Paystack’s that names an event', () => {
    const body = Buffer.from(
      `{"event":"charge.success","listed":"transfer","data":${JSON.stringify(paystackCharge())}}`,
    );
    const found = paystack.identify({ method: 'POST', url: '/', headers: [], body }, KEY);
    expect(found).toMatchObject({ events: [{ type: 'charge.success', idSigned: false }] });
  });
});

describe('what is fetched', () => {
  it('is of a transaction', async () => {
    const { context, calls } = apiContext(KEY, NOW, () => ({ status: 404 }));
    expect(await paystack.api?.fetchObject({ kind: 'transaction', id: '1/2' }, context)).toMatchObject({
      kind: 'missing',
    });
    expect(calls[0]?.path).toBe('/transaction/1%2F2');
    expect(await paystack.api?.fetchObject({ kind: 'refund', id: '1' }, context)).toMatchObject({ kind: 'missing' });
  });
});
