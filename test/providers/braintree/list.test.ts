import { describe, expect, it } from 'vitest';
import { braintree } from '../../../src/providers/braintree/index.ts';
import type { ApiCall, EndpointSettings, Normalised } from '../../../src/providers/provider.ts';
import { apiContext } from '../../support/api-context.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { FIRST, NOW, type Node, notification, transaction, xml } from './samples.ts';

const RANGE = { from: NOW - 3_600_000, to: NOW };
const KEY = { merchant_id: 'made_merchant', api_key: FIRST };
const PATH = '/merchants/made_merchant/transactions/';
type Answer = { status: number; body?: string; headers?: Record<string, string> };

async function list(cursor: string | null, answer: (call: ApiCall) => Answer, settings: EndpointSettings = KEY) {
  const { context, calls } = apiContext(settings, NOW, answer);
  return { page: await braintree.api?.list?.page(RANGE, cursor, context), calls };
}

const ids = (found: readonly string[]): string =>
  `<search-results><page-size type="integer">50</page-size>${xml('ids', found)}</search-results>`;
const collection = (name: string, item: string, ...items: readonly Node[]): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<${name} type="collection"><total-items type="integer">9</total-items>${items
    .map((one) => xml(item, one))
    .join('\n')}</${name}>`;
/** The search for ids answers with these, and the one for transactions with as many as it asks for. */
const answering =
  (found: readonly string[]) =>
  (call: ApiCall): Answer => {
    if (call.path.endsWith('_ids')) return { status: 200, body: ids(found) };
    const asked = JSON.parse(call.body ?? '').search.ids as string[];
    const items = asked.map((id) => transaction({ id }));
    return { status: 200, body: collection('credit-card-transactions', 'transaction', ...items) };
  };
const dispute = (change: { [name: string]: Node } = {}): { [name: string]: Node } => ({
  id: 'madedp1',
  kind: 'chargeback',
  status: 'open',
  'amount-disputed': '7.50',
  'currency-iso-code': 'EUR',
  'date-opened': '2025-12-30',
  ...change,
});

/** What a listed body means, and which event it is. */
async function listed(name: 'transaction' | 'dispute', object: Node) {
  const found = name === 'transaction' ? ['x'] : [];
  const page = await list(name === 'transaction' ? null : 'disputes/1', (call) =>
    call.path.endsWith('_ids')
      ? { status: 200, body: ids(found) }
      : { status: 200, body: collection(name === 'dispute' ? 'disputes' : 'credit-card-transactions', name, object) },
  );
  if (page.page?.kind !== 'page' || page.page.events[0] === undefined) throw new Error('nothing is listed');
  const { body } = page.page.events[0];
  const told = braintree.identify({ method: 'GET', url: '/', headers: [], body }, KEY);
  if (told.kind !== 'events' || told.events[0] === undefined) throw new Error('no event');
  return { body, meaning: meaningOf(braintree, body), ...told.events[0] };
}
const posts = (found: Normalised) =>
  found.kind === 'effects' ? found.effects.map(({ at: _at, ...effect }) => effect) : found.kind;

describe('transactions are searched', () => {
  it('by each state that moves money, then disputes by the day their state changed', async () => {
    const first = await list(null, answering(['b', 'a']));
    expect(first.calls.map(({ method, host, path }) => `${method} ${host}${path}`)).toEqual([
      `POST api.braintreegateway.com${PATH}advanced_search_ids`,
      `POST api.braintreegateway.com${PATH}advanced_search`,
    ]);
    const between = { min: '2025-12-31T23:00:00.000Z', max: '2026-01-01T00:00:00.000Z' };
    expect(first.calls.map(({ body }) => JSON.parse(body ?? '').search)).toEqual([
      { submitted_for_settlement_at: between },
      { submitted_for_settlement_at: between, ids: ['a', 'b'] },
    ]);
    expect(first.calls[0]?.headers).toMatchObject({ authorization: `Basic ${Buffer.from(FIRST).toString('base64')}` });
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const { page, calls }: Awaited<ReturnType<typeof list>> = await list(cursor, (call) =>
        call.path.includes('/disputes/')
          ? { status: 200, body: collection('disputes', 'dispute') }
          : { status: 200, body: ids([]) },
      );
      seen.push(...calls.map(({ body }) => Object.keys(JSON.parse(body ?? '').search).join(' ')));
      cursor = page?.kind === 'page' ? page.next : null;
    } while (cursor !== null && seen.length < 20);
    expect(seen).toEqual([
      'submitted_for_settlement_at',
      'settled_at',
      'submitted_for_settlement_at status',
      'voided_at',
      'failed_at',
      'effective_date',
    ]);
  });

  it('fifty at a time, and on after the last one whatever came between', async () => {
    const many = Array.from({ length: 620 }, (_, n) => `t${String(n).padStart(4, '0')}`).reverse();
    const first = await list(null, answering(many));
    expect(first.calls).toHaveLength(11);
    expect(first.page?.kind === 'page' && first.page.events.length).toBe(500);
    expect(first.page).toMatchObject({ next: `submitted/${RANGE.from}/3600000/t0499` });
    const second = await list(`submitted/${RANGE.from}/3600000/t0499`, answering([...many, 'new']));
    expect(second.calls).toHaveLength(4);
    expect(second.page).toMatchObject({ next: `settled/${RANGE.from}/3600000/` });
  });

  it('in halves where so many are found that some may be left out', async () => {
    const many = Array.from({ length: 10_000 }, (_, n) => `t${n}`);
    expect((await list(null, answering(many))).page).toMatchObject({
      events: [],
      next: `submitted/${RANGE.from}/1800000/`,
    });
    expect((await list(`settled/${RANGE.from}/1800000/`, answering([]))).page).toMatchObject({
      next: `settled/${RANGE.from + 1_800_000}/1800000/`,
    });
    expect((await list(`settled/${RANGE.from}/1200/`, answering(many))).page?.kind).toBe('refused');
  });

  it('with a word on what the key lacks, and patience', async () => {
    const { page } = await list(null, () => ({ status: 403 }));
    expect(page).toMatchObject({ kind: 'refused', detail: expect.stringContaining('role') });
    expect((await list('disputes/1', () => ({ status: 403 }))).page?.kind).toBe('refused');
    const busy = await list(null, () => ({ status: 429, headers: { 'retry-after': '11' } }));
    expect(busy.page).toMatchObject({ kind: 'later', at: NOW + 11_000 });
    expect((await list(null, () => ({ status: 200 }), { api_key: FIRST })).page).toMatchObject({
      kind: 'refused',
      detail: expect.stringContaining('merchant_id'),
    });
    // The second call of a page is refused like the first.
    const later = await list(null, (call) => (call.path.endsWith('_ids') ? answering(['a'])(call) : { status: 503 }));
    expect(later.page?.kind).toBe('later');
  });

  it('never taken for none where the answer is none, nor by a cursor of somebody else', async () => {
    for (const body of ['', '{}', '<html><p></html>', '<search-results/>', '<errors><x>1</x></errors>']) {
      await expect(list(null, () => ({ status: 200, body }))).rejects.toMatchObject({ code: 'unreadable_event' });
      await expect(list('disputes/1', () => ({ status: 200, body }))).rejects.toMatchObject({
        code: 'unreadable_event',
      });
    }
    const doctype = `<!DOCTYPE x [<!ENTITY a "b">]>${ids([])}`;
    await expect(list(null, () => ({ status: 200, body: doctype }))).rejects.toMatchObject({
      code: 'unreadable_event',
    });
    for (const cursor of ['', 'settled/1/2', 'teleported/1/2/', 'constructor/1/2/', 'disputes/x'])
      expect((await list(cursor, answering([]))).page?.kind, cursor).toBe('refused');
  });
});

describe('a listed object', () => {
  it('is an event of its state, in its own bytes', async () => {
    const whole = transaction({ amount: '90071992547409.93', 'order-id': 'é & <1> 😀' });
    const found = await listed('transaction', whole);
    expect(found).toMatchObject({ id: 'transaction:madetx01:settled', type: 'transaction', account: null });
    const payload = new URLSearchParams(found.body.toString()).get('bt_payload') ?? '';
    expect(Buffer.from(payload, 'base64').toString()).toBe(xml('transaction', whole));
    expect(found.meaning).toMatchObject({ amount: { amount: 9_007_199_254_740_993n } });
    const more = await listed('transaction', transaction({ 'disbursement-details': { 'settlement-amount': '1' } }));
    const first = await listed('transaction', transaction());
    expect(more.fingerprint()).toEqual(first.fingerprint());
    expect((await listed('transaction', transaction({ amount: '1.00' }))).fingerprint()).not.toEqual(
      first.fingerprint(),
    );
    expect((await listed('transaction', transaction({ status: 'settling' }))).id).not.toBe(first.id);
  });

  it('never passes as a request', async () => {
    const { body } = await listed('transaction', transaction());
    const context = {
      secrets: [{ id: 's', secret: FIRST }],
      settings: KEY,
      now: NOW,
      certificates: { get: () => undefined },
    };
    const signature = new URLSearchParams(notification('check', 'check', 'true').toString()).get('bt_signature') ?? '';
    for (const form of [body.toString(), `${body}&${new URLSearchParams({ bt_signature: signature })}`])
      expect(braintree.verify({ method: 'POST', url: '/', headers: [], body: Buffer.from(form) }, context).kind).toBe(
        'rejected',
      );
  });

  it('posts what its notification posts', async () => {
    const refund = transaction({ id: 'madere1', type: 'credit', 'refunded-transaction-id': 'madetx01' });
    const voided = transaction({
      status: 'voided',
      'status-history': [
        { timestamp: '2025-12-30T11:00:00Z', status: 'submitted_for_settlement' },
        { timestamp: '2025-12-31T11:00:00Z', status: 'voided' },
      ],
    });
    const pairs = [
      ['transaction_settled', transaction()],
      ['transaction_disbursed', transaction({ status: 'settled' })],
      ['transaction_settled', refund],
      ['transaction_settlement_declined', transaction({ status: 'settlement_declined' })],
      ['transaction_settled', voided],
      ['refund_failed', { ...refund, status: 'failed' }],
    ] as const;
    for (const [kind, object] of pairs) {
      const expected = posts(meaningOf(braintree, notification(kind, 'transaction', object)));
      expect(posts((await listed('transaction', object)).meaning), kind).toEqual(expected);
      expect(expected).not.toBe('no_effect');
    }
    for (const [kind, change] of [
      ['dispute_opened', {}],
      ['dispute_won', { status: 'won', 'amount-won': '5.00', 'date-won': '2025-12-31' }],
      ['dispute_lost', { status: 'lost' }],
    ] as const) {
      const expected = posts(meaningOf(braintree, notification(kind, 'dispute', dispute(change))));
      expect(posts((await listed('dispute', dispute(change))).meaning), kind).toEqual(expected);
    }
  });

  it('moves no money before it is submitted, or where its parts do', async () => {
    expect((await listed('transaction', transaction({ status: 'authorized' }))).meaning.kind).toBe('no_effect');
    const parts = transaction({ 'partial-settlement-transaction-ids': ['a', 'b'] });
    expect((await listed('transaction', parts)).meaning).toMatchObject({
      kind: 'no_effect',
      reason: expect.stringContaining('in parts'),
    });
    expect((await listed('transaction', transaction({ status: 'teleported' }))).meaning.kind).toBe('deferred');
    expect((await listed('transaction', transaction({ 'currency-iso-code': 'QQQ' }))).meaning).toMatchObject({
      waitingFor: 'currency',
    });
  });
});
