import { describe, expect, it } from 'vitest';
import { flutterwave } from '../../../src/providers/flutterwave/index.ts';
import type { AuthenticityLevel, EndpointSettings, Normalised } from '../../../src/providers/provider.ts';
import { apiContext } from '../../support/api-context.ts';
import { flutterwaveCharge, NOW, SETTINGS, tokenEvent, verified } from './samples.ts';

const RANGE = { from: NOW - 3_600_000, to: NOW };
type Answer = { status: number; body?: string; headers?: Record<string, string> };

async function list(cursor: string | null, answer: Answer, settings: EndpointSettings = SETTINGS) {
  const { context, calls } = apiContext(settings, NOW, () => answer);
  return { page: await flutterwave.api?.list?.page(RANGE, cursor, context), calls };
}

const answerOf = (data: readonly object[], meta: object = {}): Answer => ({
  status: 200,
  body: JSON.stringify({ status: 'success', meta, data }),
});
const pages = (total: number): object => ({ page_info: { total_pages: total } });
const transfer = (change: object = {}): object => ({
  id: 7,
  account_number: '0690000040',
  bank_code: '044',
  currency: 'NGN',
  debit_currency: 'NGN',
  amount: 50,
  status: 'SUCCESSFUL',
  created_at: '2025-12-31T23:00:00.000Z',
  ...change,
});
const bodyOf = (kind: string, data: object): Buffer =>
  Buffer.from(`{"listed":"${kind}","data":${JSON.stringify(data)}}`);

function identified(kind: string, data: object, method = 'GET') {
  const found = flutterwave.identify({ method, url: '/', headers: [], body: bodyOf(kind, data) }, SETTINGS);
  if (found.kind !== 'events' || found.events[0] === undefined) return found.kind;
  return { ...found.events[0], print: found.events[0].fingerprint().toString('hex') };
}
function meaning(body: Buffer, level: AuthenticityLevel = 'body', fetched: Buffer | null = null): Normalised {
  const event = { item: 0, id: 'x', type: 'x', account: 'main', headers: [], receivedAt: NOW };
  return flutterwave.normalise({ ...event, body, level, fetched }, SETTINGS);
}

describe('charges and transfers are listed', () => {
  it('page by page, by the days of the range', async () => {
    const first = await list(null, answerOf([flutterwaveCharge()], pages(2)));
    expect(first.calls).toMatchObject([
      {
        method: 'GET',
        host: 'api.flutterwave.com',
        path: '/v3/transactions?from=2025-12-31&to=2026-01-02&page=1&status=successful',
        headers: { authorization: `Bearer ${String(SETTINGS.api_key)}` },
      },
    ]);
    expect(first.page).toMatchObject({ events: [{ object: true, live: false }], next: 'transactions/2' });
    expect((await list('transactions/2', answerOf([flutterwaveCharge()], pages(2)))).page).toMatchObject({
      next: 'transfers/1',
    });
    // Without a count of pages an empty one is the end.
    expect((await list('transactions/2', answerOf([flutterwaveCharge()]))).page).toMatchObject({
      next: 'transactions/3',
    });
    expect((await list('transfers/1', answerOf([transfer()], pages(1)))).page).toMatchObject({
      events: [{ object: true }],
      next: null,
    });
    expect((await list('transfers/2', answerOf([]))).page).toMatchObject({ events: [], next: null });
  });

  it('without what moved no money, or was made at another time', async () => {
    for (const change of [{ status: 'failed' }, { status: 'pending' }, { created_at: '2026-01-01T00:00:00.000Z' }])
      expect((await list(null, answerOf([flutterwaveCharge(change)]))).page).toMatchObject({ events: [] });
    expect((await list('transfers/1', answerOf([transfer({ status: 'NEW' })]))).page).toMatchObject({ events: [] });
  });

  it('in their own bytes', async () => {
    const text = JSON.stringify(flutterwaveCharge()).replace(
      '"charged_amount":100',
      '"charged_amount":90071992547409.93',
    );
    const { page } = await list(null, { status: 200, body: `{"data":[${text}]}` });
    if (page?.kind !== 'page' || page.events[0] === undefined) throw new Error('nothing listed');
    expect(page.events[0].body.toString()).toBe(`{"listed":"transactions","data":${text}}`);
    expect(meaning(page.events[0].body)).toMatchObject({ amount: { amount: 9_007_199_254_740_993n } });
  });

  it('of v3 alone, with a word on what the key lacks, and patience', async () => {
    const signed = await list(null, answerOf([]), { ...SETTINGS, version: 'v4' });
    expect(signed).toMatchObject({ page: { kind: 'refused', detail: expect.stringContaining('only v3') }, calls: [] });
    expect((await list(null, { status: 401 })).page?.kind).toBe('refused');
    expect((await list('transfers/1', { status: 403 })).page).toMatchObject({
      kind: 'refused',
      detail: expect.stringContaining('leave to list transfers'),
    });
    const busy = await list(null, { status: 429, headers: { 'retry-after': '5' } });
    expect(busy.page).toMatchObject({ kind: 'later', at: NOW + 5_000 });
  });

  it('never taken for none where the answer is none, nor by a cursor of somebody else', async () => {
    for (const body of ['', '<html>', '[]', '{}', '{"status":"error","data":null}', '{"data":{}}'])
      await expect(list(null, { status: 200, body })).rejects.toMatchObject({ code: 'unreadable_event' });
    for (const cursor of ['', 'refunds/1', 'transactions/', 'transactions/1&x'])
      expect((await list(cursor, answerOf([]))).page?.kind).toBe('refused');
  });
});

describe('a listed object', () => {
  it('is an event of its state, whatever else it tells', () => {
    expect(identified('transactions', flutterwaveCharge())).toMatchObject({ id: 'transactions:285959001:successful' });
    expect(identified('transfers', transfer())).toMatchObject({ id: 'transfers:7:successful', idSigned: true });
    const { print } = identified('transactions', flutterwaveCharge()) as { print: string };
    expect(identified('transactions', flutterwaveCharge({ ip: '1.1.1.1' }))).toMatchObject({ print });
    expect(identified('transactions', flutterwaveCharge({ charged_amount: 9 }))).not.toMatchObject({ print });
  });

  it('posts what its webhook posts once it is verified', () => {
    const sent = meaning(tokenEvent('charge.completed', flutterwaveCharge()), 'token', verified(flutterwaveCharge()));
    expect(meaning(bodyOf('transactions', flutterwaveCharge()))).toEqual(sent);
    expect(sent.kind).toBe('effects');
    const paid = meaning(tokenEvent('transfer.completed', transfer()), 'token', verified(transfer()));
    expect(meaning(bodyOf('transfers', transfer()))).toEqual(paid);
    expect(paid.kind).toBe('effects');
  });

  it('is nothing that whoever knows the hash could send', () => {
    expect(identified('transactions', flutterwaveCharge(), 'POST')).toBe('unreadable');
    expect(meaning(bodyOf('transactions', flutterwaveCharge()), 'token').kind).toBe('deferred');
  });

  it('waits rather than guess', () => {
    expect(meaning(bodyOf('transactions', flutterwaveCharge({ currency: 'QQQ' })))).toMatchObject({
      waitingFor: 'currency',
    });
    expect(meaning(bodyOf('transfers', transfer({ debit_currency: 'USD' })))).toMatchObject({ waitingFor: 'adapter' });
    expect(meaning(bodyOf('transfers', transfer({ amount: undefined })))).toMatchObject({ waitingFor: 'object' });
  });
});
