import { describe, expect, it } from 'vitest';
import type { EndpointSettings } from '../../../src/providers/provider.ts';
import { square } from '../../../src/providers/square/index.ts';
import { apiContext } from '../../support/api-context.ts';

const NOW = 1_767_225_600_000;
const RANGE = { from: NOW - 3_600_000, to: NOW };
const KEY = { api_key: 'EAAAmadebyus0001' };
type Answer = { status: number; body?: string; headers?: Record<string, string> };

async function list(cursor: string | null, answer: Answer, settings: EndpointSettings = KEY) {
  const { context, calls } = apiContext(settings, NOW, () => answer);
  return { page: await square.api?.list?.page(RANGE, cursor, context), calls };
}

const PAYMENT = {
  id: 'madePayment1',
  status: 'COMPLETED',
  total_money: { amount: 1000, currency: 'USD' },
  created_at: '2026-01-01T00:00:00Z',
};
const event = (object: object): string =>
  JSON.stringify({
    merchant_id: 'MADEMERCHANT',
    type: 'payment.updated',
    event_id: 'made-1',
    created_at: '2025-12-31T23:30:00.123456789Z',
    data: { type: 'payment', id: 'madePayment1', object: { payment: object } },
  });

describe('the list of events', () => {
  it('is asked for by time, with the same question on every page', async () => {
    const query = {
      filter: { created_at: { start_at: '2025-12-31T23:00:00.000Z', end_at: '2026-01-01T00:00:00.000Z' } },
    };
    const first = await list(null, { status: 200, body: `{"events":[${event(PAYMENT)}],"metadata":[],"cursor":"c2"}` });
    expect(first.calls).toMatchObject([{ method: 'POST', host: 'connect.squareup.com', path: '/v2/events' }]);
    expect(JSON.parse(first.calls[0]?.body ?? '')).toEqual({ limit: 100, query });
    expect(first.page).toMatchObject({
      next: 'c2',
      events: [{ at: Date.parse('2025-12-31T23:30:00.123Z'), live: true }],
    });
    const second = await list('c2', { status: 200, body: '{}' }, { ...KEY, mode: 'test' });
    expect(second.calls[0]).toMatchObject({ host: 'connect.squareupsandbox.com' });
    expect(JSON.parse(second.calls[0]?.body ?? '')).toEqual({ cursor: 'c2', limit: 100, query });
    expect(second.page).toMatchObject({ events: [], next: null });
  });

  it('gives each event in its own bytes, with the id and content of its webhook', async () => {
    const told = event(PAYMENT).replaceAll('1000', '9007199254740993');
    const { page } = await list(null, { status: 200, body: `{"events":[\n${told}\n]}` });
    if (page?.kind !== 'page') throw new Error('no page');
    expect(page.events.map(({ body }) => body.toString())).toEqual([told]);
    expect(square.identify({ method: 'GET', url: '/', headers: [], body: Buffer.from(told) }, KEY)).toMatchObject({
      events: [{ id: 'made-1', account: 'MADEMERCHANT', live: null }],
    });
  });

  it('says what is missing where the token may not read them', async () => {
    expect((await list(null, { status: 403 })).page).toMatchObject({
      kind: 'refused',
      detail: expect.stringContaining('personal access token'),
    });
    expect((await list(null, { status: 429, headers: { 'retry-after': '3' } })).page).toMatchObject({
      at: NOW + 3_000,
    });
    // Taken for an empty list they would say that nothing is missing.
    for (const body of ['', '<html>', '[]', '{"events":{"0":1},"cursor":"x"}'])
      await expect(list(null, { status: 200, body })).rejects.toMatchObject({ code: 'unreadable_event' });
    const long = `{"cursor":"${'x'.repeat(2_000)}"}`;
    expect((await list(null, { status: 200, body: long })).page?.kind).toBe('refused');
  });
});

describe('an object', () => {
  it('is asked for where it is, and read as the event would tell it', async () => {
    const { context, calls } = apiContext(KEY, NOW, () => ({
      status: 200,
      body: JSON.stringify({ payment: PAYMENT }),
    }));
    const fetched = await square.api?.fetchObject({ kind: 'payment', id: 'a/../b?c' }, context);
    expect(calls).toMatchObject([{ method: 'GET', path: '/v2/payments/a%2F..%2Fb%3Fc' }]);
    if (fetched?.kind !== 'found') throw new Error('not found');
    const told = (answer: Buffer | null) =>
      square.normalise(
        {
          item: 0,
          id: 'made-1',
          type: 'payment.updated',
          account: 'main',
          headers: [],
          body: Buffer.from(event({})),
          receivedAt: NOW,
          level: 'body',
          fetched: answer,
        },
        KEY,
      );
    expect(told(null)).toMatchObject({ kind: 'fetch', object: { kind: 'payment', id: 'madePayment1' } });
    expect(told(fetched.body)).toMatchObject({ effects: [{ key: 'madePayment1:captured', amount: 1000n }] });
    expect(told(Buffer.from('{"payment":{}}'))).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
  });

  it('is missing, refused or late as Square answers, and of no kind but its own', async () => {
    const ask = async (kind: string, status: number) =>
      square.api?.fetchObject({ kind, id: 'x' }, apiContext(KEY, NOW, () => ({ status })).context);
    expect(await ask('refund', 404)).toMatchObject({ kind: 'missing' });
    expect(await ask('payout', 403)).toMatchObject({ detail: 'answered 403: the key lacks read access to payouts' });
    expect(await ask('dispute', 503)).toMatchObject({ kind: 'later' });
    expect(await ask('__proto__', 200)).toMatchObject({ kind: 'refused' });
  });
});

it('takes an access token for a key', () => {
  expect(square.checkSettings(KEY)).toEqual([]);
  for (const key of ['', 'short', 'with a blank in it 1', 7])
    expect(square.checkSettings({ api_key: key })).toHaveLength(1);
});
