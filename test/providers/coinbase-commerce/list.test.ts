import { describe, expect, it } from 'vitest';
import { coinbaseCommerce } from '../../../src/providers/coinbase-commerce/index.ts';
import { apiContext } from '../../support/api-context.ts';
import { madeCharge, NOW } from './samples.ts';

const RANGE = { from: NOW - 3_600_000, to: NOW };
const KEY = { api_key: '00000000-0000-4000-8000-00000000a001' };

const event = (id: string, created_at = '2025-12-31T23:30:00Z'): string =>
  JSON.stringify({ id, type: 'charge:confirmed', created_at, data: madeCharge() });

async function list(events: readonly string[], pagination: object, cursor: string | null = null) {
  const body = `{"pagination":${JSON.stringify(pagination)},"data":[${events.join(' , ')}]}`;
  const { context, calls } = apiContext(KEY, NOW, () => ({ status: 200, body }));
  return { page: await coinbaseCommerce.api?.list?.page(RANGE, cursor, context), calls };
}

const MORE = { order: 'desc', next_uri: 'https://elsewhere.example/events?starting_after=evil' };

describe('the list of events', () => {
  it('is asked from the newest on, each page after the last event of the one before', async () => {
    const first = await list([event('e2'), event('e1')], MORE);
    expect(first.calls).toEqual([
      {
        method: 'GET',
        host: 'api.commerce.coinbase.com',
        path: '/events?limit=100&order=desc',
        headers: { 'x-cc-api-key': KEY.api_key, 'x-cc-version': '2018-03-22', accept: 'application/json' },
      },
    ]);
    expect(first.page).toMatchObject({ path: '/events', events: [{ at: NOW - 1_800_000 }, {}], next: 'e1' });
    const second = await list([event('e0')], { order: 'desc', next_uri: null }, 'e1');
    expect(second.calls[0]?.path).toBe('/events?limit=100&order=desc&starting_after=e1');
    expect(second.page).toMatchObject({ events: [{}], next: null });
    for (const cursor of ['', 'a&b', '../x']) expect((await list([], MORE, cursor)).page?.kind).toBe('refused');
  });

  it('ends where an older event comes, unless the oldest are first', async () => {
    const old = event('e1', '2025-12-31T22:59:59Z');
    expect((await list([event('e2'), old], MORE)).page).toMatchObject({ events: [{}], next: null });
    expect((await list([old], { ...MORE, order: 'asc' })).page).toMatchObject({ events: [], next: 'e1' });
    const newer = event('e9', '2026-01-01T00:00:00Z');
    expect((await list([newer], MORE)).page).toMatchObject({ events: [], next: 'e9' });
  });

  it('gives each event in its own bytes, under the id of its webhook', async () => {
    const told = event('e1').replace('"100.00"', '"100.00", "x" : 1.10');
    const { page } = await list([told], MORE);
    if (page?.kind !== 'page' || page.events[0] === undefined) throw new Error('no page');
    const { body } = page.events[0];
    expect(body.toString()).toBe(`{"event":${told}}`);
    const found = coinbaseCommerce.identify({ method: 'GET', url: '/events', headers: [], body }, KEY);
    expect(found).toMatchObject({ events: [{ id: 'e1', type: 'charge:confirmed' }] });
  });
});
