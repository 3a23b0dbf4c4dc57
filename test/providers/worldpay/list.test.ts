import { describe, expect, it } from 'vitest';
import { worldpay } from '../../../src/providers/worldpay/index.ts';
import { apiContext } from '../../support/api-context.ts';
import { NOW } from './samples.ts';

const RANGE = { from: NOW - 3_600_000, to: NOW };
const KEY = { api_key: 'made_user:made_password', mode: 'test' } as const;
const PAYMENT =
  '{"timestamp":"2025-12-31T23:30:00Z", "paymentId":"pay1","transactionReference":"o1","value":{"currency":"EUR","amount":9007199254740993}}';

async function list(body: string, cursor: string | null = null) {
  const { context, calls } = apiContext(KEY, NOW, () => ({ status: 200, body }));
  return { page: await worldpay.api?.list?.page(RANGE, cursor, context), calls };
}

const pageOf = (links: object): string => `{"_links":${JSON.stringify(links)},"_embedded":{"payments":[${PAYMENT}]}}`;

function read(events: object[] | null, change: object = {}) {
  const body = Buffer.from(`{"listedBecause":"settlementRequestSubmitted","payment":${PAYMENT}}`);
  const found = worldpay.identify({ method: 'GET', url: '/', headers: [], body }, KEY);
  if (found.kind !== 'events' || found.events[0] === undefined) throw new Error('no event');
  const { item, id, type } = found.events[0];
  const answer = { ...JSON.parse(PAYMENT.replace('9007199254740993', '2500')), events, ...change };
  const fetched = events === null ? null : Buffer.from(JSON.stringify(answer));
  const told = { item, id, type, account: 'main', headers: [], receivedAt: NOW, level: 'body' } as const;
  return { id, meaning: worldpay.normalise({ ...told, body, fetched }, KEY) };
}

describe('the list of payments', () => {
  it('is asked for what happened, one after the other, from where the link says', async () => {
    const href = '/paymentQueries/payments?startDate=x&endDate=2025-12-31T23:20:00.500Z&paymentId=pay_2-x&pageSize=1';
    const first = await list(pageOf({ next: { href } }));
    const query = 'startDate=2025-12-31T23%3A00%3A00.000Z&endDate=2026-01-01T00%3A00%3A00.000Z&pageSize=100';
    expect(first.calls).toMatchObject([
      {
        host: 'try.access.worldpay.com',
        path: `/paymentQueries/payments?${query}&receivedEvents=saleSucceeded`,
        headers: { authorization: `Basic ${Buffer.from(KEY.api_key).toString('base64')}` },
      },
    ]);
    expect(first.page).toMatchObject({ next: 'saleSucceeded/1767223200500/pay_2-x' });
    const second = await list(pageOf({}), 'saleSucceeded/1767223200500/pay_2-x');
    expect(second.calls[0]?.path).toContain('endDate=2025-12-31T23%3A20%3A00.500Z');
    expect(second.calls[0]?.path).toContain('paymentId=pay_2-x');
    expect(second.page).toMatchObject({
      events: [{ at: NOW - 1_800_000, live: false, object: true }],
      next: 'settlementRequestSubmitted',
    });
    expect((await list('{"_links":{}}', 'cancellationRequestSubmitted')).page).toMatchObject({
      events: [],
      next: null,
    });
    for (const cursor of ['', 'authorizationRefused', 'saleSucceeded/1', 'saleSucceeded/1/a&b'])
      expect((await list(pageOf({}), cursor)).page?.kind).toBe('refused');
  });

  it('gives each payment in its own bytes', async () => {
    const { page } = await list(pageOf({}));
    if (page?.kind !== 'page') throw new Error('no page');
    expect(String(page.events[0]?.body)).toBe(`{"listedBecause":"saleSucceeded","payment":${PAYMENT}}`);
  });
});

describe('a listed payment', () => {
  const asked = { eventName: 'settlementRequested', type: 'partialSettlement', value: { amount: 5, currency: 'EUR' } };
  const sent = { eventName: 'settlementRequestSubmitted' };

  it('waits for its history', () => {
    expect(read(null)).toMatchObject({
      id: 'pay1:settlementRequestSubmitted',
      meaning: { kind: 'fetch', object: { kind: 'payment', id: 'pay1' } },
    });
    for (const change of [{ paymentId: 'pay2' }, { transactionReference: 'o2' }, { events: [] }])
      expect(read([sent], change).meaning).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
  });

  it('posts nothing where its history does not say what was sent', () => {
    expect(read([{ ...asked, settlementReference: 'a' }, asked, sent]).meaning).toMatchObject({ kind: 'deferred' });
    expect(read([asked, sent]).meaning).toMatchObject({ kind: 'deferred' });
    expect(read([asked, { eventName: 'settlementFailed' }]).meaning).toMatchObject({ kind: 'no_effect' });
    const yen = { ...asked, settlementReference: 'a', value: { amount: 5, currency: 'JPY' } };
    expect(read([yen, sent]).meaning).toMatchObject({ kind: 'deferred', waitingFor: 'currency' });
  });

  it('is not cancelled where a part of it was settled', () => {
    const cancelled = { eventName: 'cancellationRequestSubmitted' };
    expect(read([{ ...asked, settlementReference: 'a/b' }, sent, cancelled]).meaning).toMatchObject({
      effects: [{ type: 'payment.captured', key: 'o1/a%2Fb:captured', amount: 5n }],
    });
    expect(read([cancelled]).meaning).toMatchObject({ effects: [{ type: 'payment.cancelled' }] });
  });

  it('is missing where Worldpay answers with nothing', async () => {
    const { context, calls } = apiContext(KEY, NOW, () => ({ status: 200, body: '' }));
    expect(await worldpay.api?.fetchObject({ kind: 'payment', id: 'a/b' }, context)).toMatchObject({ kind: 'missing' });
    expect(calls[0]?.path).toBe('/paymentQueries/payments/a%2Fb');
    expect(await worldpay.api?.fetchObject({ kind: 'order', id: 'x' }, context)).toMatchObject({ kind: 'missing' });
  });
});
