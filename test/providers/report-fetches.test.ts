import nock from 'nock';
import { afterEach, describe, expect, it } from 'vitest';
import { createApiCalls, createApiDownloads } from '../../src/api-calls.ts';
import { createEgress, type Egress } from '../../src/egress.ts';
import { providers } from '../../src/providers/index.ts';
import type { EndpointSettings, Provider, TimeRange } from '../../src/providers/provider.ts';
import type { OpenedReport, ReportApiContext, ReportPage } from '../../src/providers/provider-reports.ts';
import { faultsOf, itemsOf, linesOf } from '../support/report-items.ts';

const NOW = Date.UTC(2026, 0, 10);
const RANGE: TimeRange = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 0, 8) };
const PUBLIC = { address: '93.184.216.34', family: 4 } as const;

let egress: Egress | undefined;
afterEach(() => {
  egress?.close();
  nock.cleanAll();
  nock.restore();
});

function of(name: string): Provider {
  const provider = providers.get(name);
  if (provider === undefined) throw new Error(`no provider ${name}`);
  return provider;
}

/** Through the egress itself, so that hosts and redirects are what they are in the gateway. */
function context(provider: Provider, settings: EndpointSettings): ReportApiContext {
  if (!nock.isActive()) nock.activate();
  const hosts = [...(provider.api?.hosts ?? []), ...(provider.api?.reports?.hosts ?? [])];
  const out = createEgress({ allowHosts: hosts, resolve: async () => [PUBLIC], timeoutMs: 2_000 });
  egress = out;
  const [call, download] = [createApiCalls(out), createApiDownloads(out)];
  return {
    settings,
    now: NOW,
    call: (request) => call(provider, request),
    download: (request) => download(provider, request),
  };
}

async function pages(name: string, settings: EndpointSettings): Promise<ReportPage[]> {
  const provider = of(name);
  const at = context(provider, settings);
  const found: ReportPage[] = [];
  let cursor: string | null = null;
  do {
    const page: ReportPage | undefined = await provider.api?.reports?.page?.(RANGE, cursor, at);
    if (page === undefined) throw new Error(`${name} lists nothing`);
    found.push(page);
    cursor = page.kind === 'page' ? page.next : null;
  } while (cursor !== null);
  return found;
}

const reportsOf = (found: readonly ReportPage[]): string[] =>
  found.flatMap((page) => (page.kind === 'page' ? page.reports : []));

async function open(name: string, report: string, settings: EndpointSettings): Promise<OpenedReport> {
  const provider = of(name);
  const opened = await provider.api?.reports?.open(report, context(provider, settings));
  if (opened === undefined) throw new Error(`${name} has no reports`);
  return opened;
}

async function textOf(opened: OpenedReport): Promise<string> {
  if (opened.kind !== 'report') throw new Error(`no report: ${opened.detail}`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of opened.bytes) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** What is fetched is read by a format of its own provider, without a fault. */
async function linesIn(name: string, text: string) {
  const format = of(name).settlements?.find((one) => one.recognises(text.slice(0, 65_536), null));
  if (format === undefined) throw new Error(`no format of ${name} knows the report`);
  const items = await itemsOf(format, text);
  expect(faultsOf(items)).toEqual([]);
  return linesOf(items).map(({ line }) => [line.kind, line.net]);
}

describe('Square', () => {
  const settings = { api_key: 'EAAAmadebyus0001', mode: 'test' } as const;
  const api = () =>
    nock('https://connect.squareupsandbox.com', { reqheaders: { authorization: 'Bearer EAAAmadebyus0001' } });
  const usd = (amount: number) => ({ amount, currency: 'USD' });
  const payout = {
    id: 'po_1',
    status: 'PAID',
    type: 'BATCH',
    amount_money: usd(300),
    created_at: '2026-01-03T00:00:00Z',
  };
  const entry = (n: number, gross: number) => ({
    id: `poe_${n}`,
    payout_id: 'po_1',
    type: 'CHARGE',
    effective_at: '2026-01-02T00:00:00Z',
    gross_amount_money: usd(gross),
    net_amount_money: usd(gross),
    type_charge_details: { payment_id: `p${n}` },
  });

  it('lists the payouts of every location, page after page', async () => {
    api()
      .get('/v2/locations')
      .reply(200, { locations: [{ id: 'L1' }, { id: 'L2' }] });
    const asked =
      (location: string, more: object = {}) =>
      (query: Record<string, unknown>) =>
        query.location_id === location &&
        query.begin_time === '2026-01-01T00:00:00.000Z' &&
        query.end_time === '2026-01-08T00:00:00.000Z' &&
        query.cursor === ('cursor' in more ? more.cursor : undefined);
    api()
      .get('/v2/payouts')
      .query(asked('L1'))
      .reply(200, { payouts: [payout], cursor: 'c2' });
    api()
      .get('/v2/payouts')
      .query(asked('L1', { cursor: 'c2' }))
      .reply(200, { payouts: [{ id: 'po_2', status: 'FAILED' }] });
    api().get('/v2/payouts').query(asked('L2')).reply(200, {});
    expect(reportsOf(await pages('square', settings))).toEqual(['po_1']);
    expect(nock.isDone()).toBe(true);
  });

  it('fetches a payout with all of its entries', async () => {
    api().get('/v2/payouts/po_1').reply(200, { payout });
    api()
      .get('/v2/payouts/po_1/payout-entries')
      .reply(200, { payout_entries: [entry(1, 100)], cursor: 'c2' });
    api()
      .get('/v2/payouts/po_1/payout-entries')
      .query({ cursor: 'c2' })
      .reply(200, { payout_entries: [entry(2, 200)] });
    const opened = await open('square', 'po_1', settings);
    expect(opened).toMatchObject({ kind: 'report', fileName: 'po_1.json' });
    expect(await linesIn('square', await textOf(opened))).toEqual([
      ['payout', -300n],
      ['charge', 100n],
      ['charge', 200n],
    ]);
  });

  it('a page that fails on the way is no end', async () => {
    api().get('/v2/payouts/po_1').reply(200, { payout });
    api().get('/v2/payouts/po_1/payout-entries').reply(502);
    const opened = await open('square', 'po_1', settings);
    await expect(textOf(opened)).rejects.toMatchObject({ code: 'egress_failed', retryable: true });
  });

  it('a cursor that comes again is not followed for ever', async () => {
    api().get('/v2/payouts/po_1').reply(200, { payout });
    api()
      .get('/v2/payouts/po_1/payout-entries')
      .query(() => true)
      .times(3)
      .reply(200, { payout_entries: [], cursor: 'same' });
    await expect(textOf(await open('square', 'po_1', settings))).rejects.toMatchObject({ code: 'unreadable_event' });
  });

  it.each([
    [401, 'refused'],
    [403, 'refused'],
    [404, 'missing'],
    [429, 'later'],
    [503, 'later'],
    [302, 'refused'],
  ])('an answer of %i is %s', async (status, kind) => {
    api().get('/v2/payouts/po_1').reply(status, '', { location: 'https://elsewhere.example/x', 'retry-after': '7' });
    const opened = await open('square', 'po_1', settings);
    expect(opened.kind).toBe(kind);
    if (opened.kind === 'later') expect(opened.at).toBe(NOW + 7_000);
  });

  it('a page that is cut short is an error', async () => {
    api().get('/v2/payouts/po_1').reply(200, '{"payout":{"id":', { 'content-length': '400' });
    await expect(open('square', 'po_1', settings)).rejects.toMatchObject({ code: 'egress_failed' });
  });

  it('webhooks announce it', () => {
    const announced = of('square').api?.reports?.announced;
    const body = Buffer.from(JSON.stringify({ type: 'payout.paid', data: { object: { payout } } }));
    expect(announced?.types.test('payout.paid')).toBe(true);
    expect(announced?.types.test('payout.failed')).toBe(false);
    expect(announced?.report(body, 0)).toBe('po_1');
  });
});

describe('GoCardless', () => {
  const settings = { api_key: 'sandbox_made_token' };
  const api = () => nock('https://api-sandbox.gocardless.com');
  const payout = { id: 'PO1', amount: 100, currency: 'GBP', created_at: '2026-01-02T00:00:00.000Z', status: 'paid' };

  it('lists paid payouts and fetches one with its items', async () => {
    api()
      .get('/payouts')
      .query((query) => query['created_at[gte]'] === '2026-01-01T00:00:00.000Z' && query.status === 'paid')
      .reply(200, { payouts: [payout], meta: { cursors: { after: null } } });
    expect(reportsOf(await pages('gocardless', settings))).toEqual(['PO1']);
    api().get('/payouts/PO1').reply(200, { payouts: payout });
    const item = (amount: string, payment: string) => ({ type: 'payment_paid_out', amount, links: { payment } });
    api()
      .get('/payout_items')
      .query({ payout: 'PO1', limit: '500' })
      .reply(200, { payout_items: [item('60.0', 'PM1')], meta: { cursors: { after: 'PI1' } } });
    api()
      .get('/payout_items')
      .query({ payout: 'PO1', limit: '500', after: 'PI1' })
      .reply(200, { payout_items: [item('40.0', 'PM2')], meta: { cursors: { after: null } } });
    expect(await linesIn('gocardless', await textOf(await open('gocardless', 'PO1', settings)))).toEqual([
      ['payout', -100n],
      ['charge', 60n],
      ['charge', 40n],
    ]);
  });

  it('items that are gone after six months are missed, not taken for none', async () => {
    api().get('/payouts/PO1').reply(200, { payouts: payout });
    api()
      .get('/payout_items')
      .query(() => true)
      .reply(410, { error: {} });
    await expect(textOf(await open('gocardless', 'PO1', settings))).rejects.toMatchObject({ code: 'egress_failed' });
  });

  it('the event in a batch announces its own payout', () => {
    const events = [{ links: { payment: 'PM1' } }, { links: { payout: 'PO7' } }];
    const announced = of('gocardless').api?.reports?.announced;
    expect(announced?.report(Buffer.from(JSON.stringify({ events })), 1)).toBe('PO7');
    expect(announced?.report(Buffer.from(JSON.stringify({ events })), 0)).toBeNull();
  });
});

describe('Mollie', () => {
  const settings = { api_key: 'access_madeTokenOfNobody1' };
  const api = () => nock('https://api.mollie.com');
  const eur = (value: string) => ({ value, currency: 'EUR' });
  const settlement = (id: string, settledAt: string, status = 'paidout') => ({ id, settledAt, status });
  const links = (next: string | null) => ({
    next: next === null ? null : { href: `https://evil.example/v2/x?from=${next}` },
  });

  it('lists settlements until they are older than the range, and follows no address', async () => {
    api()
      .get('/v2/settlements')
      .query({ limit: '250' })
      .reply(200, {
        _embedded: {
          settlements: [settlement('stl_4', '2026-01-09T00:00:00Z'), settlement('stl_3', '2026-01-07T00:00:00Z')],
        },
        _links: links('stl_2'),
      });
    api()
      .get('/v2/settlements')
      .query({ limit: '250', from: 'stl_2' })
      .reply(200, {
        _embedded: {
          settlements: [
            settlement('stl_2', '2026-01-02T00:00:00Z', 'pending'),
            settlement('stl_1', '2025-12-30T00:00:00Z'),
          ],
        },
        _links: links('stl_0'),
      });
    expect(reportsOf(await pages('mollie', settings))).toEqual(['stl_3']);
  });

  it('fetches a settlement and its four lists', async () => {
    const page = (name: string, elements: readonly object[], next: string | null = null) => ({
      _embedded: { [name]: elements },
      _links: links(next),
    });
    const element = (id: string, amount: string, more: object = {}) => ({
      id,
      amount: eur(amount.replace('-', '')),
      settlementAmount: eur(amount),
      settlementId: 'stl_1',
      createdAt: '2026-01-01T00:00:00Z',
      ...more,
    });
    const base = '/v2/settlements/stl_1';
    api()
      .get(base)
      .reply(200, {
        resource: 'settlement',
        id: 'stl_1',
        status: 'paidout',
        settledAt: '2026-01-02T00:00:00Z',
        amount: eur('25.00'),
        periods: { '2026': { '01': { revenue: [{ amountNet: eur('25.00') }], costs: [] } } },
      });
    api()
      .get(`${base}/payments`)
      .query({ limit: '250' })
      .reply(200, page('payments', [element('tr_1', '20.00')], 'tr_2'));
    api()
      .get(`${base}/payments`)
      .query({ limit: '250', from: 'tr_2' })
      .reply(200, page('payments', [element('tr_2', '10.00')]));
    api()
      .get(`${base}/refunds`)
      .query({ limit: '250' })
      .reply(200, page('refunds', [element('re_1', '-5.00', { paymentId: 'tr_1' })]));
    api().get(`${base}/chargebacks`).query({ limit: '250' }).reply(200, page('chargebacks', []));
    api().get(`${base}/captures`).query({ limit: '250' }).reply(200, page('captures', []));
    expect(await linesIn('mollie', await textOf(await open('mollie', 'stl_1', settings)))).toEqual([
      ['payout', -2500n],
      ['charge', 2000n],
      ['charge', 1000n],
      ['refund', -500n],
    ]);
  });

  it('an API key cannot', () => {
    const reports = of('mollie').api?.reports;
    expect(reports?.unavailable?.({ api_key: 'live_madeKeyOfNobody1' })).toMatch(/access token/);
    expect(reports?.unavailable?.({ ...settings, settlement_mode: 'balance' })).toBeNull();
    expect(reports?.unavailable?.(settings)).toBeNull();
  });
});

describe('Mollie, paid out by hand', () => {
  const settings = { api_key: 'access_madeTokenOfNobody1', settlement_mode: 'balance' } as const;
  const list = (from?: string) =>
    nock('https://api.mollie.com')
      .get('/v2/balances/primary/transactions')
      .query({ limit: '250', ...(from === undefined ? {} : { from }) });
  const txn = (id: string, createdAt: string, value = '10.00') => ({
    resource: 'balance_transaction',
    id,
    type: 'payment',
    resultAmount: { value, currency: 'EUR' },
    initialAmount: { value, currency: 'EUR' },
    createdAt,
    context: { paymentId: `tr_${id}` },
  });
  const found = (balance_transactions: readonly object[], next: string | null = null) => ({
    _embedded: { balance_transactions },
    _links: { next: next === null ? null : { href: `https://evil.example/x?from=${next}` } },
  });
  const day = () => open('mollie', '2026-01-02/b3', settings);

  it('lists the days of Amsterdam that are over and on which something moved, until they are older', async () => {
    list().reply(
      200,
      found(
        [txn('b9', '2026-01-09T12:00:00Z'), txn('b8', '2026-01-05T23:00:00Z'), txn('b7', '2026-01-05T22:00:00Z')],
        'b6',
      ),
    );
    list('b6').reply(200, found([txn('b6', '2026-01-05T10:00:00Z'), txn('b5', '2026-01-01T00:00:00Z')], 'b4'));
    list('b4').reply(200, found([txn('b4', '2025-12-31T22:00:00Z')], 'b3'));
    expect(reportsOf(await pages('mollie', settings))).toEqual(['2026-01-06/b8', '2026-01-05/b7', '2026-01-01/b5']);
    list().reply(200, found([]));
    expect(reportsOf(await pages('mollie', settings))).toEqual([]);
  });

  it('fetches a day to its end, and nothing of another', async () => {
    list('b3').reply(200, found([txn('b3', '2026-01-02T20:00:00Z')], 'b2'));
    list('b2').reply(200, found([txn('b2', '2026-01-01T23:00:00Z', '5.00'), txn('b1', '2026-01-01T22:59:59Z')], 'b0'));
    const opened = await day();
    expect(opened).toMatchObject({ kind: 'report', fileName: 'balance-2026-01-02.json' });
    expect(await linesIn('mollie', await textOf(opened))).toEqual([
      ['charge', 1000n],
      ['charge', 500n],
    ]);
  });

  it('what is no day of it is missing', async () => {
    for (const other of ['stl_1', '2026-01-02', '2026-02-30/b1', '2026-01-02/../x'])
      expect(await open('mollie', other, settings), other).toMatchObject({ kind: 'missing' });
    list('b3').reply(200, found([txn('b3', '2026-01-05T20:00:00Z')]));
    expect(await day()).toMatchObject({ kind: 'missing' });
  });

  it.each([
    [401, 'refused'],
    [403, 'refused'],
    [429, 'later'],
    [503, 'later'],
  ])('an answer of %i is %s', async (status, kind) => {
    list().reply(status, {}, { 'retry-after': '7' });
    expect(await pages('mollie', settings)).toMatchObject([{ kind }]);
    list('b3').reply(status, {}, { 'retry-after': '7' });
    expect(await day()).toMatchObject({ kind });
  });

  it.each([
    ['{"_embedded":{"balance_transactions":[{'],
    ['{}'],
    ['{"_embedded":{}}'],
    ['{"_embedded":{"balance_transactions":[{"id":"b3"}]}}'],
  ])('an answer that is none is no empty list: %s', async (body) => {
    list().reply(200, body);
    await expect(pages('mollie', settings)).rejects.toMatchObject({ code: 'unreadable_event' });
    list('b3').reply(200, body);
    await expect(day()).rejects.toMatchObject({ code: 'unreadable_event' });
  });

  it('a page that fails on the way, or names itself, is no end', async () => {
    list('b3').reply(200, found([txn('b3', '2026-01-02T20:00:00Z')], 'b2'));
    list('b2').reply(429);
    await expect(textOf(await day())).rejects.toMatchObject({ code: 'egress_failed', retryable: true });
    list('b3').reply(200, found([txn('b3', '2026-01-02T20:00:00Z')], 'b3'));
    await expect(textOf(await day())).rejects.toMatchObject({ code: 'unreadable_event' });
  });
});

describe('Razorpay', () => {
  const settings = { api_key: 'rzp_test_MADE123:madesecret', account: 'acc_MADE1' };
  const api = () => nock('https://api.razorpay.com');
  const created_at = Date.UTC(2026, 0, 2) / 1000;
  const settlement = { id: 'setl_1', entity: 'settlement', amount: 100, status: 'processed', created_at };
  const row = {
    entity_id: 'pay_1',
    type: 'payment',
    debit: 0,
    credit: 100,
    amount: 100,
    currency: 'INR',
    fee: 0,
    tax: 0,
    settled_at: created_at,
    settlement_id: 'setl_1',
  };

  it('counts the days of India that are over', async () => {
    const reports = reportsOf(await pages('razorpay', settings));
    expect(reports).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((day) => `2026-01-0${day}`));
  });

  it('fetches the settlements of a day, and its recon to an empty page', async () => {
    const from = Date.UTC(2026, 0, 1, 18, 30) / 1000;
    const listed = (skip: number) => ({
      from: String(from),
      to: String(from + 86_399),
      count: '100',
      skip: String(skip),
    });
    api()
      .get('/v1/settlements')
      .query(listed(0))
      .reply(200, { items: [settlement] });
    api().get('/v1/settlements').query(listed(1)).reply(200, { items: [] });
    const recon = (skip: number) => ({ year: '2026', month: '1', day: '2', count: '1000', skip: String(skip) });
    api()
      .get('/v1/settlements/recon/combined')
      .query(recon(0))
      .reply(200, { entity: 'collection', items: [row] });
    api().get('/v1/settlements/recon/combined').query(recon(1)).reply(200, { entity: 'collection', items: [] });
    expect(await linesIn('razorpay', await textOf(await open('razorpay', '2026-01-02', settings)))).toEqual([
      ['charge', 100n],
      ['payout', -100n],
    ]);
  });

  it('a day without settlements has no report', async () => {
    api()
      .get('/v1/settlements')
      .query(() => true)
      .reply(200, { items: [] });
    expect(await open('razorpay', '2026-01-02', settings)).toMatchObject({ kind: 'missing' });
    expect(await open('razorpay', 'yesterday', settings)).toMatchObject({ kind: 'missing' });
  });

  it('a day is whole when it is over in India, and what is none never', () => {
    const wholeAt = of('razorpay').api?.reports?.wholeAt;
    expect(wholeAt?.('2026-01-02')).toBe(Date.UTC(2026, 0, 2, 18, 30));
    for (const none of ['2026-13-01', 'yesterday']) expect(wholeAt?.(none)).toBeNull();
  });

  it('a settlement late in the evening of Europe is of the next day there', () => {
    const at = Date.UTC(2026, 0, 1, 20) / 1000;
    const body = { payload: { settlement: { entity: { created_at: at } } } };
    expect(of('razorpay').api?.reports?.announced?.report(Buffer.from(JSON.stringify(body)), 0)).toBe('2026-01-02');
  });
});

describe('Stripe', () => {
  const settings = { api_key: 'sk_test_made0000' };
  const api = () => nock('https://api.stripe.com');
  const payout = {
    id: 'po_1',
    object: 'payout',
    amount: 100,
    currency: 'eur',
    created: 1,
    balance_transaction: 'txn_po',
  };

  it('lists automatic payouts whose transactions are complete', async () => {
    const listed = { automatic: true, reconciliation_status: 'completed' };
    api()
      .get('/v1/payouts')
      .query((query) => query['created[gte]'] === String(RANGE.from / 1000) && query.starting_after === undefined)
      .reply(200, {
        data: [
          { id: 'po_3', ...listed },
          { id: 'po_2', automatic: false },
        ],
        has_more: true,
      });
    api()
      .get('/v1/payouts')
      .query((query) => query.starting_after === 'po_2')
      .reply(200, { data: [{ id: 'po_1', ...listed, reconciliation_status: 'in_progress' }], has_more: false });
    expect(reportsOf(await pages('stripe', settings))).toEqual(['po_3']);
  });

  it('fetches a payout with its transactions, their sources written out', async () => {
    const txn = (id: string, amount: number, reporting_category: string, source: string) => ({
      id,
      object: 'balance_transaction',
      amount,
      fee: 0,
      net: amount,
      currency: 'eur',
      created: 1,
      reporting_category,
      source,
    });
    api().get('/v1/payouts/po_1').reply(200, payout);
    const asked = (after?: string) => (query: Record<string, unknown>) =>
      query.payout === 'po_1' && JSON.stringify(query).includes('data.source') && query.starting_after === after;
    api()
      .get('/v1/balance_transactions')
      .query(asked())
      .reply(200, { object: 'list', data: [txn('txn_1', 100, 'charge', 'ch_1')], has_more: true });
    api()
      .get('/v1/balance_transactions')
      .query(asked('txn_1'))
      .reply(200, { object: 'list', data: [txn('txn_po', -100, 'payout', 'po_1')], has_more: false });
    expect(await linesIn('stripe', await textOf(await open('stripe', 'po_1', settings)))).toEqual([
      ['charge', 100n],
      ['payout', -100n],
    ]);
  });

  it('a payout is announced, a connected account’s is not', () => {
    const announced = of('stripe').api?.reports?.announced;
    const event = { type: 'payout.reconciliation_completed', data: { object: payout } };
    expect(announced?.types.test(event.type)).toBe(true);
    expect(announced?.report(Buffer.from(JSON.stringify(event)), 0)).toBe('po_1');
    expect(announced?.report(Buffer.from(JSON.stringify({ ...event, account: 'acct_2' })), 0)).toBeNull();
  });
});

describe('Stripe, paid out by hand', () => {
  const settings = {
    api_key: 'sk_test_made0000',
    settlement_mode: 'balance',
    time_zone: 'Europe/Berlin',
  } as const;
  const api = () => nock('https://api.stripe.com');
  /** 2026-01-02 in Berlin. */
  const FROM = Date.UTC(2026, 0, 1, 23) / 1000;
  const asked = (after?: string) => (query: Record<string, unknown>) =>
    query['created[gte]'] === String(FROM) &&
    query['created[lt]'] === String(FROM + 86_400) &&
    query.payout === undefined &&
    JSON.stringify(query).includes('data.source') &&
    query.starting_after === after;
  const txn = (id: string, amount: number, reporting_category: string, source: unknown, created = FROM) => ({
    id,
    object: 'balance_transaction',
    amount,
    fee: 0,
    net: amount,
    currency: 'eur',
    created,
    reporting_category,
    source,
  });
  const list = (data: readonly object[], has_more = false) => ({ object: 'list', data, has_more });
  const day = () => open('stripe', '2026-01-02', settings);

  it('counts the days of its zone that have been over for an hour', async () => {
    const days = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `2026-01-0${n}`);
    expect(reportsOf(await pages('stripe', settings))).toEqual(days);
    const page = (to: number, now: number) =>
      of('stripe').api?.reports?.page?.({ from: RANGE.from, to }, null, { ...context(of('stripe'), settings), now });
    const end = (FROM + 86_400) * 1000;
    expect(await page(end + 1, end + 3_599_999)).toMatchObject({ reports: ['2026-01-01'] });
    expect(await page(end + 1, end + 3_600_000)).toMatchObject({ reports: ['2026-01-01', '2026-01-02'] });
  });

  it('fetches a day, page after page, and says which it is', async () => {
    api()
      .get('/v1/balance_transactions')
      .query(asked())
      .reply(
        200,
        list([txn('txn_2', -60, 'payout', { id: 'po_1', object: 'payout', amount: 60, currency: 'eur' })], true),
      );
    api()
      .get('/v1/balance_transactions')
      .query(asked('txn_2'))
      .reply(200, list([txn('txn_1', 100, 'charge', 'ch_1')]));
    const opened = await day();
    expect(opened).toMatchObject({ kind: 'report', fileName: 'balance-2026-01-02.json' });
    const text = await textOf(opened);
    expect(text.slice(0, text.indexOf('\n'))).toBe('{"period":{"day":"2026-01-02","time_zone":"Europe/Berlin"}}');
    expect(await linesIn('stripe', text)).toEqual([
      ['payout', -60n],
      ['charge', 100n],
    ]);
  });

  it('a day of a change of clocks is as long as it is', async () => {
    const from = Date.UTC(2026, 2, 28, 23) / 1000;
    api()
      .get('/v1/balance_transactions')
      .query((query) => query['created[gte]'] === String(from) && query['created[lt]'] === String(from + 23 * 3600))
      .reply(200, list([]));
    expect(await open('stripe', '2026-03-29', settings)).toMatchObject({ kind: 'missing' });
  });

  it('a day on which nothing moved has no report, nor has a payout', async () => {
    api().get('/v1/balance_transactions').query(asked()).reply(200, list([]));
    expect(await day()).toEqual({ kind: 'missing', detail: 'nothing moved on 2026-01-02' });
    for (const other of ['po_1', '2026-02-30', '../payouts'])
      expect(await open('stripe', other, settings), other).toMatchObject({ kind: 'missing' });
  });

  it.each([
    [401, 'refused'],
    [403, 'refused'],
    [429, 'later'],
    [500, 'later'],
  ])('an answer of %i is %s', async (status, kind) => {
    api().get('/v1/balance_transactions').query(asked()).reply(status, {}, { 'retry-after': '7' });
    expect(await day()).toMatchObject({ kind });
  });

  it.each([['{"object":"list","data":[{'], ['{"object":"error"}'], ['[]']])(
    'an answer that is none is no empty day: %s',
    async (body) => {
      api().get('/v1/balance_transactions').query(asked()).reply(200, body);
      await expect(day()).rejects.toMatchObject({ code: 'unreadable_event' });
    },
  );

  it('a page that fails on the way is no end', async () => {
    const first = list([txn('txn_2', 1, 'charge', 'ch_2')], true);
    api().get('/v1/balance_transactions').query(asked()).reply(200, first);
    api().get('/v1/balance_transactions').query(asked('txn_2')).reply(429);
    const opened = await day();
    await expect(textOf(opened)).rejects.toMatchObject({ code: 'egress_failed', retryable: true });
  });
});

describe('Adyen', () => {
  const settings = { report_key: 'made-report-key-of-nobody-0001', mode: 'test' } as const;
  const FILE = 'settlement_detail_report_batch_1.csv';
  const url = `https://ca-test.adyen.com/reports/download/MerchantAccount/MADE_ACCOUNT/${FILE}`;
  const announce = (reason: string, pspReference = FILE) =>
    of('adyen').api?.reports?.announced?.report(
      Buffer.from(JSON.stringify({ notificationItems: [{ NotificationRequestItem: { reason, pspReference } }] })),
      0,
    );

  it('a notification announces its own file, at a known place', () => {
    expect(announce(url)).toBe(url);
    for (const other of [
      'https://ca-test.adyen.com.evil.example/reports/download/MerchantAccount/A/settlement_detail_report_batch_1.csv',
      `http://ca-test.adyen.com/reports/download/MerchantAccount/A/${FILE}`,
      `https://user@ca-test.adyen.com/reports/download/MerchantAccount/A/${FILE}`,
      `https://ca-test.adyen.com/reports/download/../x/${FILE}`,
      'https://ca-test.adyen.com/reports/download/MerchantAccount/A/received_payments_report.csv',
      '',
    ])
      expect(announce(other), other).toBeNull();
    expect(announce(url, 'settlement_detail_report_batch_2.csv')).toBeNull();
  });

  it('is downloaded with the report user’s key', async () => {
    if (!nock.isActive()) nock.activate();
    nock('https://ca-test.adyen.com', { reqheaders: { 'x-api-key': settings.report_key } })
      .get(`/reports/download/MerchantAccount/MADE_ACCOUNT/${FILE}`)
      .reply(200, 'Company Account,Merchant Account\n');
    const opened = await open('adyen', url, settings);
    expect(opened).toMatchObject({ kind: 'report', fileName: FILE });
    expect(await textOf(opened)).toBe('Company Account,Merchant Account\n');
  });

  it.each([
    [401, 'refused'],
    [302, 'refused'],
    [404, 'missing'],
    [429, 'later'],
  ])('an answer of %i is %s', async (status, kind) => {
    if (!nock.isActive()) nock.activate();
    nock('https://ca-test.adyen.com')
      .get(() => true)
      .reply(status, 'x', { location: 'https://elsewhere.example/' });
    expect(await open('adyen', url, settings)).toMatchObject({ kind });
  });

  it('nothing else is ever asked', async () => {
    for (const other of ['https://evil.example/x.csv', url.replace('ca-test', 'ca-live'), `${url}/../../x`])
      expect(await open('adyen', other, settings), other).toMatchObject({ kind: 'missing' });
    expect(of('adyen').api?.reports?.unavailable?.({})).toMatch(/report_key/);
  });
});

describe('Checkout.com', () => {
  const settings = { api_key: 'sk_sbox_madekeyofnobody0000000000' };
  const api = () => nock('https://api.sandbox.checkout.com');
  const name = 'financial-actions_ent_made_20260102_po_1.csv';
  const file = (id: string, filename: string) => ({ id, filename, format: 'CSV' });

  it('lists the files of the reports that can be read, and takes of a link its page only', async () => {
    const asked = (token?: string) => (query: Record<string, unknown>) =>
      query.created_after === '2026-01-01T00:00:00.000Z' && query.pagination_token === token;
    api()
      .get('/reports')
      .query(asked())
      .reply(200, {
        data: [{ id: 'rpt_1', files: [file('file_1', name), file('file_2', 'chargebacks_1.csv')] }],
        _links: { next: { href: 'https://evil.example/reports?pagination_token=t2' } },
      });
    api()
      .get('/reports')
      .query(asked('t2'))
      .reply(200, { data: [{ id: 'rpt_2', files: [] }], _links: {} });
    expect(reportsOf(await pages('checkout', settings))).toEqual([`rpt_1/file_1/${name}`]);
  });

  it('downloads a file, and follows no redirect', async () => {
    api().get('/reports/rpt_1/files/file_1').reply(200, 'Action Type,Action ID\n');
    expect(await textOf(await open('checkout', `rpt_1/file_1/${name}`, settings))).toBe('Action Type,Action ID\n');
    api().get('/reports/rpt_1/files/file_1').reply(302, '', { location: 'https://bucket.example/x' });
    const moved = await open('checkout', `rpt_1/file_1/${name}`, settings);
    expect(moved).toMatchObject({ kind: 'refused', detail: expect.stringContaining('another host') });
    expect(await open('checkout', '../../x', settings)).toMatchObject({ kind: 'missing' });
  });
});

describe('PayPal', () => {
  const settings = { time_zone: 'America/Los_Angeles' };
  /** Tokens are kept by client: each test has its own. */
  let clients = 0;
  const client = () => ({ ...settings, client_id: `made-by-us-reports-${++clients}`, client_secret: 'made-secret' });
  const api = () => nock('https://api-m.paypal.com');
  const token = () => api().post('/v1/oauth2/token').reply(200, { access_token: 'made', expires_in: 9_000 });
  const asked =
    (page: number, from = '2026-01-02T08:00:00Z', to = '2026-01-03T07:59:59Z') =>
    (query: Record<string, unknown>) =>
      query.start_date === from &&
      query.end_date === to &&
      query.fields === 'transaction_info' &&
      query.page_size === '500' &&
      query.page === String(page);
  const search = (page: number, from?: string, to?: string) =>
    api()
      .get('/v1/reporting/transactions')
      .query(asked(page, from, to));
  const row = (transaction_id: string, transaction_event_code: string, value: string, fee?: string) => ({
    transaction_info: {
      transaction_id,
      transaction_event_code,
      transaction_status: 'S',
      transaction_initiation_date: '2026-01-02T12:00:00+0000',
      transaction_updated_date: '2026-01-02T12:00:00+0000',
      transaction_amount: { currency_code: 'USD', value },
      ...(fee === undefined ? {} : { fee_amount: { currency_code: 'USD', value: fee } }),
    },
  });
  const found = (rows: readonly object[], page = 1, total_pages = 1) => ({
    transaction_details: rows,
    last_refreshed_datetime: '2026-01-09T00:00:00+0000',
    page,
    total_items: rows.length,
    total_pages,
  });
  const day = () => {
    token();
    return open('paypal', '2026-01-02', client());
  };

  it('counts the days of its zone that have been over for three hours', async () => {
    const days = ['2025-12-31', ...[1, 2, 3, 4, 5, 6, 7].map((n) => `2026-01-0${n}`)];
    expect(reportsOf(await pages('paypal', client()))).toEqual(days);
    const page = (now: number) =>
      of('paypal').api?.reports?.page?.({ from: RANGE.from, to: now }, null, {
        ...context(of('paypal'), settings),
        now,
      });
    const end = Date.UTC(2026, 0, 1, 8);
    expect(await page(end + 3 * 3_600_000 - 1)).toMatchObject({ reports: [] });
    expect(await page(end + 3 * 3_600_000)).toMatchObject({ reports: ['2025-12-31'] });
  });

  it('fetches a day, page after page', async () => {
    search(1).reply(200, found([row('A1', 'T0006', '10.00', '-0.59')], 1, 2));
    search(2).reply(200, found([row('A2', 'T0400', '-9.00')], 2, 2));
    const opened = await day();
    expect(opened).toMatchObject({ kind: 'report', fileName: 'transactions-2026-01-02.json' });
    const text = await textOf(opened);
    expect(text.slice(0, text.indexOf('\n'))).toBe('{"period":{"day":"2026-01-02","time_zone":"America/Los_Angeles"}}');
    expect(await linesIn('paypal', text)).toEqual([
      ['charge', 941n],
      ['payout', -900n],
    ]);
  });

  it('a day of too many transactions is asked for by the hour', async () => {
    search(1).reply(400, { name: 'RESULTSET_TOO_LARGE' });
    for (let n = 0; n < 24; n += 1) {
      const at = (ms: number) => `${new Date(Date.UTC(2026, 0, 2, 8 + n) + ms).toISOString().slice(0, 19)}Z`;
      search(1, at(0), at(3_599_000)).reply(
        200,
        found(n === 3 ? [row('A1', 'T0006', '10.00')] : [], 1, n === 3 ? 1 : 0),
      );
    }
    expect(await linesIn('paypal', await textOf(await day()))).toEqual([['charge', 1000n]]);
    expect(nock.isDone()).toBe(true);
  });

  it('a day that PayPal does not have whole yet is for later', async () => {
    const early = { ...found([row('A1', 'T0006', '10.00')]), last_refreshed_datetime: '2026-01-03T07:59:59+0000' };
    search(1).reply(200, early);
    expect(await day()).toMatchObject({ kind: 'later', at: NOW + 3_600_000 });
  });

  it('so is one of too many transactions', async () => {
    const early = { ...found([row('A1', 'T0006', '10.00')]), last_refreshed_datetime: '2026-01-03T07:59:59+0000' };
    search(1).reply(400, { name: 'RESULTSET_TOO_LARGE' });
    search(1, '2026-01-02T08:00:00Z', '2026-01-02T08:59:59Z').reply(200, early);
    expect(await day()).toMatchObject({ kind: 'later', at: NOW + 3_600_000 });
    search(1).reply(400, { name: 'RESULTSET_TOO_LARGE' });
    search(1, '2026-01-02T08:00:00Z', '2026-01-02T08:59:59Z').reply(503);
    expect(await day()).toMatchObject({ kind: 'later' });
  });

  it('a day on which nothing moved has no report', async () => {
    search(1).reply(200, found([], 1, 0));
    expect(await day()).toEqual({ kind: 'missing', detail: 'nothing moved on 2026-01-02' });
    for (const other of ['2026-02-30', 'yesterday'])
      expect(await open('paypal', other, client()), other).toMatchObject({ kind: 'missing' });
  });

  it.each([
    [400, 'refused'],
    [403, 'refused'],
    [429, 'later'],
    [503, 'later'],
  ])('an answer of %i is %s', async (status, kind) => {
    search(1).reply(status, {}, { 'retry-after': '7' });
    expect(await day()).toMatchObject({ kind });
  });

  it('a client that is not known is refused, and so is its token twice', async () => {
    api().post('/v1/oauth2/token').reply(401);
    expect(await open('paypal', '2026-01-02', client())).toMatchObject({ kind: 'refused' });
    token();
    search(1).twice().reply(401);
    expect(await day()).toMatchObject({ kind: 'refused' });
  });

  it.each([['{"transaction_details":[{'], ['{"page":1,"total_pages":0}'], ['[]']])(
    'an answer that is none is no empty day: %s',
    async (body) => {
      search(1).reply(200, body);
      await expect(day()).rejects.toMatchObject({ code: 'unreadable_event' });
    },
  );

  it('a page that fails on the way is no end, and one without their number neither', async () => {
    search(1).reply(200, found([row('A1', 'T0006', '10.00')], 1, 2));
    search(2).reply(500);
    await expect(textOf(await day())).rejects.toMatchObject({ code: 'egress_failed', retryable: true });
    search(1).reply(200, { ...found([row('A1', 'T0006', '10.00')]), total_pages: null });
    await expect(textOf(await day())).rejects.toMatchObject({ code: 'unreadable_event' });
  });
});

it('Braintree says that it gives none out', () => {
  expect(of('braintree').api?.reports?.unavailable?.({})).toMatch(/import/);
});
