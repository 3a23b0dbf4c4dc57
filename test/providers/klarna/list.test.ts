import { describe, expect, it } from 'vitest';
import { klarna } from '../../../src/providers/klarna/index.ts';
import type { ApiCall, EndpointSettings } from '../../../src/providers/provider.ts';
import { apiContext } from '../../support/api-context.ts';
import { NOW, orderAnswer, orderId, SETTINGS } from './samples.ts';

const RANGE = { from: NOW - 3_600_000, to: NOW };
const WITH_ACCOUNT: EndpointSettings = { ...SETTINGS, account: 'MADEACCOUNT' };
const line = (change: object = {}): string =>
  JSON.stringify({
    type: 'SALE',
    amount: 4_000,
    currency_code: 'EUR',
    order_id: orderId(1),
    capture_id: 'made-capture-1',
    capture_date: '2025-12-20T10:00:00Z',
    ...change,
  });

type Answer = { status: number; body?: string };

async function list(answer: (call: ApiCall) => Answer, cursor: string | null = null, settings = WITH_ACCOUNT) {
  const { context, calls } = apiContext(settings, NOW, answer);
  return { page: await klarna.api?.list?.page(RANGE, cursor, context), calls };
}

const settlement =
  (lines: readonly string[], total = lines.length) =>
  ({ path }: ApiCall): Answer => ({
    status: 200,
    body: path.includes('/payouts')
      ? '{"payouts":[{"payment_reference":"A/B &1","payout_date":"2025-12-31T23:30:00Z"}]}'
      : `{"transactions":[${lines.join(', ')}],"pagination":{"total":${total}}}`,
  });

describe('the list of what was paid out', () => {
  it('asks for the payouts of the range one by one, and for the transactions of each', async () => {
    const { page, calls } = await list(settlement([line(), line({ type: 'FEE' })], 7), '3/5');
    expect(calls.map(({ host, path }) => [host, path])).toEqual([
      [
        'api.playground.klarna.com',
        '/settlements/v1/payouts?start_date=2025-12-31T23%3A00%3A00Z&end_date=2026-01-01T00%3A00%3A00Z&size=1&offset=3',
      ],
      ['api.playground.klarna.com', '/settlements/v1/transactions?payment_reference=A%2FB+%261&size=500&offset=5'],
    ]);
    expect(page).toMatchObject({
      events: [{ at: NOW - 1_800_000, account: 'MADEACCOUNT', live: false, object: true }],
      next: '4/0',
    });
    expect((await list(settlement([line()], 7), '3/5')).page).toMatchObject({ next: '3/6' });
    expect((await list(() => ({ status: 200, body: '{"payouts":[]}' }), '9/0')).page).toMatchObject({ next: null });
  });

  it('is refused without the account that the webhooks name, and by a cursor that is none', async () => {
    expect((await list(settlement([]), null, SETTINGS)).page).toMatchObject({
      kind: 'refused',
      detail: expect.stringContaining('subject_account_id'),
    });
    for (const cursor of ['', '1', '1/', 'a/0', '0/0/0'])
      expect((await list(settlement([]), cursor)).page).toMatchObject({ kind: 'refused' });
  });

  it('waits and is refused in the middle of a payout too', async () => {
    for (const [status, kind] of [
      [429, 'later'],
      [403, 'refused'],
    ] as const) {
      const half = (call: ApiCall): Answer => (call.path.includes('/payouts') ? settlement([])(call) : { status });
      expect((await list(half)).page).toMatchObject({ kind });
    }
  });
});

describe('a listed transaction', () => {
  const read = (body: string, fetched: Buffer | null = null) => {
    const found = klarna.identify({ method: 'GET', url: '/', headers: [], body: Buffer.from(body) }, SETTINGS);
    if (found.kind !== 'events' || found.events[0] === undefined) throw new Error('no event');
    const { item, id, type } = found.events[0];
    const told = { item, id, type, account: 'MADEACCOUNT', headers: [], receivedAt: NOW, level: 'body' } as const;
    return { id, meaning: klarna.normalise({ ...told, body: Buffer.from(body), fetched }, SETTINGS) };
  };

  it('leads to its order, which posts as for its webhook', () => {
    expect(read(line())).toMatchObject({
      id: `settled:SALE:${orderId(1)}:made-capture-1`,
      meaning: { kind: 'fetch', object: { kind: 'order', id: orderId(1) } },
    });
    expect(read(line(), orderAnswer(1))).toMatchObject({
      meaning: { effects: [{ key: `${orderId(1)}:authorised` }, { key: 'made-capture-1:captured', amount: 4_000n }] },
    });
    expect(() => read(line(), orderAnswer(2))).toThrow('asked for order');
  });

  it('is named by its refund where it is a return', () => {
    const back = line({ type: 'RETURN', capture_id: '', refund_id: 'made-refund-1' });
    expect(read(back).id).toBe(`settled:RETURN:${orderId(1)}:made-refund-1`);
  });
});
