import { describe, expect, it } from 'vitest';
import { lemonsqueezy } from '../../../src/providers/lemonsqueezy/index.ts';
import type { EndpointSettings } from '../../../src/providers/provider.ts';
import { apiContext } from '../../support/api-context.ts';
import { madeOrder, NOW } from './samples.ts';

const RANGE = { from: NOW - 3_600_000, to: NOW };
const KEY = { api_key: 'made-api-key-of-nobody-1' };
const MADE = '2025-12-31T23:30:00.000000Z';

const order = (change: object = {}, type = 'orders'): string =>
  JSON.stringify({ type, id: '11', attributes: madeOrder({ created_at: MADE, ...change }) });

async function list(
  orders: readonly string[],
  {
    cursor = null,
    lastPage = 1,
    settings = KEY,
  }: { cursor?: string | null; lastPage?: number; settings?: EndpointSettings } = {},
) {
  const currentPage = Number(cursor?.split('/')[1] ?? 1);
  const body = `{"meta":{"page":{"currentPage":${currentPage},"lastPage":${lastPage}}},"data":[${orders.join(' , ')}]}`;
  const { context, calls } = apiContext(settings, NOW, () => ({ status: 200, body }));
  return { page: await lemonsqueezy.api?.list?.page(RANGE, cursor, context), calls };
}

function idOf(object: string): string {
  const body = Buffer.from(`{"data":${object}}`);
  const found = lemonsqueezy.identify({ method: 'GET', url: '/v1/orders', headers: [], body }, KEY);
  return found.kind === 'events' ? (found.events[0]?.id ?? '') : found.kind;
}

describe('the lists of orders and invoices', () => {
  it('are asked for page by page, and end where an older one comes', async () => {
    const first = await list([order()], { lastPage: 3 });
    expect(first.calls).toEqual([
      {
        method: 'GET',
        host: 'api.lemonsqueezy.com',
        path: '/v1/orders?page%5Bnumber%5D=1&page%5Bsize%5D=100',
        headers: { authorization: `Bearer ${KEY.api_key}`, accept: 'application/vnd.api+json' },
      },
    ]);
    expect(first.page).toMatchObject({ events: [{ at: NOW - 1_800_000, object: true }], next: 'orders/2' });
    const older = order({ created_at: '2025-12-31T22:59:59.000000Z' });
    const second = await list([order(), older], { cursor: 'orders/2', lastPage: 3 });
    expect(second.page).toMatchObject({ events: [{}], next: 'subscription-invoices/1' });
    expect((await list([], { cursor: 'subscription-invoices/1' })).page).toMatchObject({ events: [], next: null });
    for (const cursor of ['', 'orders/0', 'orders/1&x', 'files/1', 'orders/'])
      expect((await list([], { cursor })).page?.kind).toBe('refused');
  });

  it('leave out what moved no money, what is newer than the range, and other stores', async () => {
    const out = [
      order({ created_at: '2026-01-01T00:00:00.000000Z' }),
      ...['pending', 'failed', 'void'].map((status) => order({ status })),
      order({ billing_reason: 'initial' }, 'subscription-invoices'),
      order({ store_id: 78 }),
    ];
    expect((await list(out, { settings: { ...KEY, accounts: ['77'] } })).page).toMatchObject({ events: [] });
  });

  it('give each object in its own bytes', async () => {
    const told = order().replace('"total":1200', '"total": 9007199254740993');
    const { page } = await list([told]);
    if (page?.kind !== 'page') throw new Error('no page');
    expect(page.events.map(({ body }) => body.toString())).toEqual([`{"data":${told}}`]);
  });
});

describe('a listed object', () => {
  it('is an event of its state and of how much was refunded', () => {
    expect(idOf(order())).toBe('orders:11:paid');
    expect(idOf(order({ updated_at: '2026-02-01T00:00:00Z' }))).toBe('orders:11:paid');
    expect(idOf(order({ status: 'partial_refund', refunded_amount: 5 }))).toBe('orders:11:partial_refund:refunded 5');
    expect(idOf(order({}, 'subscription-invoices'))).toBe('subscription-invoices:11:paid');
  });

  it('is none where it is no order and no invoice, or has no state', () => {
    expect(idOf(order({}, 'license-keys'))).toBe('unreadable');
    expect(idOf(order({ status: null }))).toBe('unreadable');
  });
});
