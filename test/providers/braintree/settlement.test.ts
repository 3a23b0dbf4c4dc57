import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { braintree } from '../../../src/providers/braintree/index.ts';
import { searchedTransactions } from '../../../src/providers/braintree/settlement.ts';
import { openItems } from '../../support/open-items.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { batchesOf, differenceOf, faultsOf, itemsOf, linesOf } from '../../support/report-items.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { notification, transaction } from './samples.ts';

const money = (value: string, currencyCode = 'EUR') => ({ value, currencyCode });
const global = (kind: string, id: string) => Buffer.from(`${kind}_${id}`).toString('base64').replace(/=+$/, '');
const sale = (change: object = {}): object => ({
  id: global('transaction', 'madetx01'),
  legacyId: 'madetx01',
  orderId: 'order-1001',
  createdAt: '2025-12-30T10:00:00.000000Z',
  merchantAccountId: 'made_account',
  status: 'SETTLED',
  customFields: [{ name: 'fullname', value: 'A Person' }],
  disbursementDetails: { date: '2026-01-02', amount: money('12.34'), exchangeRate: '1', fundsHeld: false },
  paymentMethodSnapshot: { username: 'a-person', __typename: 'VenmoAccountDetails' },
  amount: money('12.34'),
  ...change,
});
const refund = (change: object = {}): object =>
  sale({
    id: global('refund', 'maderf01'),
    legacyId: 'maderf01',
    disbursementDetails: { date: '2026-01-02', amount: money('-2.00'), exchangeRate: '1', fundsHeld: false },
    refundedTransaction: { id: global('transaction', 'madetx01'), legacyId: 'madetx01' },
    amount: money('2.00'),
    ...change,
  });
const status = (name: string, disbursementDate: string | null) => ({ status: name, disbursementDate });
const dispute = (history: readonly object[], change: object = {}): object => ({
  id: global('dispute', 'madedp01'),
  legacyId: 'madedp01',
  type: 'CHARGEBACK',
  createdAt: '2026-01-01T00:00:00.000000Z',
  transaction: { id: global('transaction', 'madetx02'), orderId: 'order-2', merchantAccountId: 'made_account' },
  amountDisputed: money('5.00'),
  amountWon: money('0.00'),
  statusHistory: history,
  ...change,
});
const disbursement = (amount: string, change: object = {}): object => ({
  disbursement: {
    id: 'made_account_2026-01-02',
    amount,
    disbursement_date: '2026-01-02',
    disbursement_type: 'credit',
    merchant_account: { id: 'made_account', currency_iso_code: 'EUR' },
    success: true,
    retry: false,
    transaction_ids: ['madetx01', 'maderf01'],
    ...change,
  },
});
const lines = (...parts: readonly object[]) => parts.map((part) => JSON.stringify(part)).join('\n');
const read = (...parts: readonly object[]) => itemsOf(searchedTransactions, lines(...parts));

describe('searched transactions', () => {
  it('are lines of the day and merchant account they were disbursed with, and come to the disbursement', async () => {
    const items = await read(sale(), refund(), dispute([status('LOST', '2026-01-02')]), disbursement('5.34'));
    expect(faultsOf(items)).toEqual([]);
    expect(linesOf(items)).toMatchObject([
      {
        row: 1,
        line: {
          identity: 'madetx01',
          kind: 'charge',
          reference: 'madetx01',
          batch: 'made_account/2026-01-02',
          gross: 1234n,
          fee: 0n,
          at: Date.UTC(2026, 0, 2),
        },
        keys: { source: 'madetx01', payment: 'madetx01', merchant: 'order-1001' },
        occurredAt: Date.UTC(2025, 11, 30, 10),
      },
      { row: 2, line: { kind: 'refund', reference: 'maderf01', gross: -200n }, keys: { payment: 'madetx01' } },
      { row: 3, line: { kind: 'chargeback', reference: 'madedp01', gross: -500n }, keys: { payment: 'madetx02' } },
      { row: 4, line: { kind: 'payout', payout: 'made_account_2026-01-02', gross: -534n } },
    ]);
    expect(batchesOf(items)).toMatchObject([
      { sequence: { kind: 'day', series: 'made_account', value: '2026-01-02' }, opening: 0n, closing: 0n },
    ]);
    expect(differenceOf(items, 'made_account/2026-01-02', 'EUR')).toBe(0n);
  });

  it('come as a list, as pages of an answer, and one a line, and are the same', async () => {
    const list = linesOf(await itemsOf(searchedTransactions, JSON.stringify([sale(), refund()])));
    const edges = (nodes: readonly object[], hasNextPage: boolean) => ({
      edges: nodes.map((node) => ({ cursor: 'c', node })),
      pageInfo: { hasNextPage, endCursor: 'c' },
    });
    const pages = await read(
      { data: { search: { transactions: edges([sale()], true) } } },
      { data: { search: { transactions: edges([], false), refunds: edges([refund()], false) } } },
    );
    expect(faultsOf(pages)).toEqual([]);
    expect(linesOf(pages).map(({ line }) => line)).toEqual(list.map(({ line }) => line));
    expect(linesOf(await read(sale(), refund()))).toEqual(list);
    const cut = await read({ data: { search: { transactions: edges([sale()], true) } } });
    expect(faultsOf(cut)).toMatchObject([{ kind: 'contradiction', field: 'data.search.transactions.edges pageInfo' }]);
  });

  it('keep nothing of who paid', async () => {
    const [line] = linesOf(await read(sale()));
    expect(line?.raw).not.toMatch(/erson/);
    expect(line?.raw).toContain('"customFields":"[removed]"');
  });

  it('settle what the webhooks announced', async () => {
    const bodies = [
      notification('transaction_settled', 'transaction', transaction()),
      notification(
        'transaction_settled',
        'transaction',
        transaction({ id: 'maderf01', type: 'credit', amount: '2.00', 'refunded-transaction-id': 'madetx01' }),
      ),
      notification('dispute_opened', 'dispute', {
        id: 'madedp01',
        status: 'open',
        kind: 'chargeback',
        'amount-disputed': '5.00',
        'currency-iso-code': 'EUR',
        'received-date': '2026-01-01',
      }),
      notification('disbursement', 'disbursement', {
        id: 'made_account_2026-01-02',
        amount: '5.34',
        'disbursement-date': '2026-01-02',
        success: 'true',
        retry: 'false',
        'merchant-account': { id: 'made_account', 'currency-iso-code': 'EUR' },
      }),
    ];
    const events = bodies.flatMap((body) => {
      const meaning = meaningOf(braintree, body);
      return meaning.kind === 'effects' ? meaning.effects : [];
    });
    const items = await read(sale(), refund(), dispute([status('EXPIRED', '2026-01-02')]), disbursement('5.34'));
    expect(openItems('braintree', [...events, ...linesOf(items).map(({ line }) => line)])).toEqual({
      'asset:bank_in_transit[made_account_2026-01-02] - EUR': 534n,
      'asset:disputes_receivable[madedp01] - EUR': 500n,
    });
  });

  it('paid in another currency say what the payer paid', async () => {
    const details = { date: '2026-01-02', amount: money('-1.80'), exchangeRate: '0.9', fundsHeld: false };
    expect(linesOf(await read(refund({ disbursementDetails: details, amount: money('2.00', 'USD') })))).toMatchObject([
      { line: { currency: 'EUR', gross: -180n, payer: { amount: -200n, currency: 'USD' } }, fxRate: '0.9' },
    ]);
  });

  it('that are not disbursed yet, or held, are no lines yet', async () => {
    const held = { date: '2026-01-02', amount: money('12.34'), exchangeRate: '1', fundsHeld: true };
    expect(await read(sale({ disbursementDetails: null }), sale({ disbursementDetails: held }))).toEqual([]);
    expect(await read(dispute([status('OPEN', null)]))).toEqual([]);
  });

  it('a dispute that was won comes back with its own disbursement, by what was won', async () => {
    const history = [status('WON', '2026-01-20'), status('OPEN', '2026-01-03')];
    for (const [won, back] of [
      ['3.00', 300n],
      ['0.00', 500n],
    ] as const)
      expect(linesOf(await read(dispute(history, { amountWon: money(won) })))).toMatchObject([
        { line: { identity: 'madedp01/withdrawn', gross: -500n, batch: 'made_account/2026-01-03' } },
        { line: { identity: 'madedp01/reinstated', kind: 'chargeback_reversal', gross: back } },
      ]);
  });

  it('a disbursement that failed leaves its money open; another try is another payout', async () => {
    const items = await read(sale(), disbursement('12.34', { success: false }));
    expect(linesOf(items).map(({ line }) => line.kind)).toEqual(['charge', 'payout', 'payout_reversal']);
    expect(differenceOf(items, 'made_account/2026-01-02', 'EUR')).toBe(0n);
    expect(linesOf(await read(disbursement('12.34', { retry: true })))).toMatchObject([
      { line: { payout: 'made_account_2026-01-02@2026-01-02' } },
    ]);
    expect(linesOf(await read(disbursement('12.34', { disbursement_type: 'debit' })))).toMatchObject([
      { line: { gross: 1234n } },
    ]);
  });

  it('names what only a global id names by what is behind it', async () => {
    expect(linesOf(await read(sale({ legacyId: undefined })))).toMatchObject([{ line: { reference: 'madetx01' } }]);
  });
});

describe('what cannot be read', () => {
  it.each([
    ['merchantAccountId', { merchantAccountId: null }],
    ['id', { id: null, legacyId: null }],
    ['amount', { amount: null }],
    ['disbursementDetails.date', { disbursementDetails: { date: 'soon', amount: money('12.34') } }],
    ['disbursementDetails.amount', { amount: money('12.35') }],
    [null, { amount: money('12.345') }],
    [null, { amount: money('12.34', 'XXX') }],
  ])('%s is told with its record', async (field, change) => {
    const items = await read(refund(), sale(change));
    expect(faultsOf(items)).toMatchObject([{ kind: 'unreadable', row: 2, field }]);
    expect(linesOf(items)).toHaveLength(1);
  });

  it('a disbursement without amount or day', async () => {
    for (const change of [{ amount: null }, { disbursement_date: '2026-13-01' }, { id: '' }, { merchant_account: {} }])
      expect(faultsOf(await read(disbursement('1.00', change)))).toMatchObject([{ kind: 'unreadable', row: 1 }]);
  });

  it('what is missing leaves the disbursement open', async () => {
    expect(differenceOf(await read(refund(), disbursement('10.34')), 'made_account/2026-01-02', 'EUR')).toBe(-1234n);
  });
});

const samples = samplesFolder('settlements', 'braintree');
describe.skipIf(!existsSync(samples))('raw reports of others', () => {
  const report = async (name: string) => {
    const text = readFileSync(`${samples}/${name}.json`, 'utf8');
    expect(searchedTransactions.recognises(text, null)).toBe(true);
    const items = await itemsOf(searchedTransactions, text, {}, 64);
    expect(faultsOf(items)).toEqual([]);
    return linesOf(items).map(({ line: { kind, gross, batch } }) => [kind, gross, batch]);
  };
  const account = 'wikimediafoundation_instant';

  it('sales', async () => {
    const batch = `${account}/2025-12-22`;
    expect(await report('raw_settlement_batch_report')).toEqual([
      ['charge', 310n, batch],
      ['charge', 300n, batch],
      ['charge', 310n, batch],
    ]);
  });

  it('refunds', async () => {
    expect(await report('raw_batch_report_refund')).toEqual([
      ['refund', -5200n, `${account}/2025-12-22`],
      ['refund', -1040n, `${account}/2025-12-22`],
    ]);
    expect(await report('raw_batch_report_gravy_refund')).toEqual([['refund', -103n, `${account}/2025-12-24`]]);
  });

  it('disputes: only those that were disbursed move money', async () => {
    expect(await report('raw_batch_report_dispute_single_nd_json')).toEqual([['chargeback', -535n, 'main/2025-12-22']]);
    expect((await report('raw_batch_report_dispute')).slice(0, 2)).toEqual([
      ['chargeback', -535n, 'main/2025-12-21'],
      ['chargeback', -5000n, 'main/2025-12-29'],
    ]);
  });
});
