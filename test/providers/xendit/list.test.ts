import { describe, expect, it } from 'vitest';
import type { EndpointSettings } from '../../../src/providers/provider.ts';
import { xendit } from '../../../src/providers/xendit/index.ts';
import { apiContext } from '../../support/api-context.ts';
import { NOW } from './samples.ts';

const RANGE = { from: NOW - 3_600_000, to: NOW };
const KEY = { api_key: 'xnd_production_madeKeyOfNobody' };

function line(change: object = {}): string {
  const times = { created: '2025-12-31T23:30:00Z', updated: '2025-12-31T23:40:00Z' };
  const base = { id: 'txn_1', product_id: 'py-1', type: 'PAYMENT', status: 'SUCCESS', ...times };
  return JSON.stringify({ ...base, ...change });
}

async function list(lines: readonly string[], settings: EndpointSettings = KEY, cursor: string | null = null) {
  const body = `{"has_more": false, "data": [${lines.join(' , ')}]}`;
  const { context, calls } = apiContext(settings, NOW, () => ({ status: 200, body }));
  const page = await xendit.api?.list?.page(RANGE, cursor, context);
  return { calls, bodies: page?.kind === 'page' ? page.events.map((one) => one.body.toString()) : page };
}

function eventOf(body: string, settings: EndpointSettings = KEY) {
  const request = { method: 'GET', url: '/transactions', headers: [], body: Buffer.from(body) };
  const found = xendit.identify(request, settings);
  if (found.kind !== 'events' || found.events[0] === undefined) throw new Error('no event');
  const { item, id, type } = found.events[0];
  const told = { item, id, type, account: 'main', headers: [], receivedAt: NOW, level: 'body', fetched: null } as const;
  return {
    id,
    print: found.events[0].fingerprint().toString('hex'),
    meaning: xendit.normalise({ ...told, body: request.body }, settings),
  };
}

describe('the list of transactions', () => {
  it('is asked by when they changed, with the key as user name', async () => {
    const { calls, bodies } = await list([line()], KEY, 'txn_0');
    expect(calls).toMatchObject([
      {
        host: 'api.xendit.co',
        path: '/transactions?types=PAYMENT&types=REFUND&types=DISBURSEMENT&updated%5Bgte%5D=2025-12-31T23%3A00%3A00.000Z&updated%5Blte%5D=2026-01-01T00%3A00%3A00.000Z&limit=50&after_id=txn_0',
        headers: { authorization: `Basic ${Buffer.from(`${KEY.api_key}:`).toString('base64')}` },
      },
    ]);
    expect(bodies).toEqual([line()]);
    for (const cursor of ['', 'a&b', '../x'])
      expect((await list([], KEY, cursor)).bodies).toMatchObject({ kind: 'refused' });
  });

  it('leaves out what is under way, and what no callback posts under the same name', async () => {
    const out = [
      line({ status: 'PENDING' }),
      line({ product_id: 'd2845324-50d1-41bc-8583-0b888456ebfe' }),
      line({ type: 'CONVERSION' }),
      line({ type: 'REFUND' }),
      line({ type: 'DISBURSEMENT', product_id: '571f3644d2b4edf0745e9703' }),
      line({ product_data: { payment_link_id: 'inv1' } }),
    ];
    expect((await list(out)).bodies).toEqual([]);
  });

  it('takes what was paid by a link for what its callbacks tell: the invoice, or the payment', async () => {
    const link = line({ product_data: { payment_link_id: 'inv1' } });
    for (const [links, object] of [
      ['invoices', { kind: 'invoice', id: 'inv1' }],
      ['payments', { kind: 'payment', id: 'py-1' }],
    ] as const) {
      const settings = { ...KEY, payment_links: links };
      expect((await list([link], settings)).bodies).toEqual([link]);
      expect(eventOf(link, settings).meaning).toMatchObject({ kind: 'fetch', object });
    }
    expect(xendit.checkSettings({ payment_links: 'both' })).toMatchObject([{ path: '/payment_links' }]);
  });

  it('names each line by its state, which a settlement does not change', () => {
    const [first, settled] = [eventOf(line()), eventOf(line({ settlement_status: 'SETTLED', updated: '2026-01-01' }))];
    expect(first).toMatchObject({ id: 'txn_1:SUCCESS', print: settled.print });
    expect(eventOf(line({ status: 'REVERSED' })).id).toBe('txn_1:REVERSED');
    expect(eventOf(line({ product_id: 'py-2' })).print).not.toBe(first.print);
  });
});
