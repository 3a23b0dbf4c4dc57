import { describe, expect, it } from 'vitest';
import { klarna } from '../../../src/providers/klarna/index.ts';
import { settlement } from '../../../src/providers/klarna/settlement.ts';
import { openItems } from '../../support/open-items.ts';
import { batchesOf, differenceOf, faultsOf, itemsOf, linesOf } from '../../support/report-items.ts';
import { expectOthersRefused, expectSameHoweverCut, fixture } from '../../support/settlement-fixtures.ts';

const FILE = fixture('klarna', 'XISA93DJ.csv');
const BATCH = 'XISA93DJ';
const ORDER = 'o-1';
const read = (text: string) => itemsOf(settlement, text);
const changed = (from: string | RegExp, to: string): string => {
  expect(FILE.replace(from, to)).not.toBe(FILE);
  return FILE.replace(from, to);
};
/** A file of these totals and rows, which need not agree. */
function file(totals: Readonly<Record<string, string>>, rows: readonly Readonly<Record<string, string>>[]): string {
  const summary = { payment_reference: 'P1', settlement_currency: 'EUR', payout_date: '2026-02-03', ...totals };
  const names = [
    'type',
    'amount',
    'order_id',
    'capture_date',
    'capture_id',
    'refund_id',
    'vat_amount',
    'detailed_type',
  ];
  const body = rows.map((row) => names.map((name) => row[name] ?? '').join(';'));
  return [Object.keys(summary).join(';'), Object.values(summary).join(';'), names.join(';'), ...body].join('\n');
}

describe('a settlement file', () => {
  it('is known by its summary', () => {
    expect(settlement.recognises(FILE, null)).toBe(true);
    expect(settlement.recognises(`\uFEFF${FILE}`, null)).toBe(true);
    expect(settlement.recognises('type;amount\nSALE;1\n', null)).toBe(false);
    expect(klarna.settlements?.map(({ role }) => role({}))).toEqual(['money']);
  });

  it('closes with its payout', async () => {
    const items = await read(FILE);
    expect(faultsOf(items)).toEqual([]);
    expect(linesOf(items).map(({ row, line: { kind, gross, fee, tax } }) => [row, kind, gross, fee, tax])).toEqual([
      [5, 'charge', 30_000n, 0n, 0n],
      [6, 'charge', 0n, 997n, 249n],
      [7, 'refund', -5000n, 0n, 0n],
      [8, 'reserve_hold', -500n, 0n, 0n],
      [2, 'reserve_hold', -1000n, 0n, 0n],
      [2, 'payout', -22_254n, 0n, 0n],
    ]);
    expect(differenceOf(items, BATCH, 'EUR')).toBe(0n);
    expect(batchesOf(items)).toEqual([
      { type: 'batch', batch: BATCH, currency: 'EUR', opening: 0n, closing: 0n, to: Date.parse('2026-02-03') },
    ]);
    expect(linesOf(items).at(-1)).toMatchObject({ line: { payout: BATCH }, keys: { bank: BATCH } });
  });

  it('settles what the order told, to nothing but what is withheld and under way', async () => {
    const order = {
      order_id: ORDER,
      status: 'CAPTURED',
      purchase_currency: 'EUR',
      original_order_amount: 30_000,
      created_at: '2026-02-01T09:00:00Z',
      captures: [{ capture_id: 'c-1', captured_amount: 30_000, captured_at: '2026-02-01T10:00:00Z' }],
      refunds: [{ refund_id: 'r-1', refunded_amount: 5000, refunded_at: '2026-02-02T10:00:00Z' }],
    };
    const body = {
      metadata: { event_type: 'payment.capture.created', event_id: 'e-1', occurred_at: '2026-02-01T10:00:00Z' },
      payload: { order_id: ORDER },
    };
    const meaning = klarna.normalise(
      {
        item: 0,
        id: 'e-1',
        type: 'payment.capture.created',
        account: 'main',
        headers: [],
        body: Buffer.from(JSON.stringify(body)),
        receivedAt: 0,
        level: 'body',
        fetched: Buffer.from(JSON.stringify(order)),
      },
      {},
    );
    const announced = meaning.kind === 'effects' ? meaning.effects : [];
    expect(announced.map(({ type }) => type)).toEqual(['payment.authorised', 'payment.captured', 'refund.succeeded']);
    const lines = linesOf(await read(FILE)).map(({ line }) => line);
    expect(openItems('klarna', [...announced, ...lines])).toEqual({
      'asset:processor_reserve[holdback] - EUR': 500n,
      'asset:processor_reserve[debt] - EUR': 1000n,
      [`asset:bank_in_transit[${BATCH}] - EUR`]: 22_254n,
    });
  });

  it.each([
    ['REVERSAL', '', 'chargeback', -500n, 'total_reversal_amount', '-5.00'],
    ['FEE_REFUND', '', 'charge', 500n, 'total_fee_refund_amount', '5.00'],
    ['COMMISSION', '', 'charge', 500n, 'total_commission_amount', '5.00'],
    ['COMMISSION', 'COMMISSION_RETURN', 'charge', -500n, 'total_commission_reversal_amount', '-5.00'],
    ['CORRECTION', '', 'charge', 500n, 'total_fee_correction_amount', '5.00'],
    ['CHARGE', '', 'adjustment', -500n, 'total_charge_amount', '-5.00'],
    ['CREDIT', '', 'adjustment', 500n, 'total_credit_amount', '5.00'],
    ['HOLDBACK', '', 'reserve_hold', -500n, 'total_holdback_amount', '-5.00'],
    ['RELEASE', '', 'reserve_release', 500n, 'total_release_amount', '5.00'],
    ['TAX', '', 'charge', -500n, 'total_tax_amount', '-5.00'],
  ])('%s %s is %s of %s', async (type, detail, kind, net, total, settled) => {
    const row = { type, amount: '5.00', order_id: 'o-2', capture_date: '2026-02-01', detailed_type: detail };
    const items = await read(file({ [total]: '5.00', total_settlement_amount: settled }, [row]));
    expect(faultsOf(items)).toEqual([]);
    expect(linesOf(items)[0]?.line).toMatchObject({ kind, net });
    expect(differenceOf(items, 'P1', 'EUR')).toBe(0n);
  });

  it('takes back of a reversal what Klarna’s protection pays', async () => {
    const row = (type: string, amount: string) => ({ type, amount, order_id: 'o-2', capture_date: '2026-02-01' });
    const rows = [row('REVERSAL', '9.00'), row('REVERSAL_MERCHANT_PROTECTION', '4.00')];
    const items = await read(file({ total_reversal_amount: '5.00', total_settlement_amount: '-5.00' }, rows));
    expect(faultsOf(items)).toEqual([]);
    expect(linesOf(items).map(({ line }) => [line.kind, line.net])).toEqual([
      ['chargeback', -900n],
      ['chargeback_reversal', 400n],
      ['payout', 500n],
    ]);
  });

  it('totals that have no rows are lines of their own, and a negative settlement becomes debt', async () => {
    const totals = {
      total_fee_correction_amount: '1.00',
      total_tax_amount: '3.00',
      total_settlement_amount: '-2.00',
      total_deposit_amount: '2.00',
      opening_debt_balance: '4.00',
      closing_debt_balance: '6.00',
    };
    const items = await read(file(totals, []));
    expect(faultsOf(items)).toEqual([]);
    expect(linesOf(items).map(({ line }) => [line.kind, line.fee, line.tax, line.net])).toEqual([
      ['fee', -100n, 0n, 100n],
      ['tax', 0n, 300n, -300n],
      ['reserve_release', 0n, 0n, 200n],
    ]);
    expect(differenceOf(items, 'P1', 'EUR')).toBe(0n);
  });

  it('leaves tax out where the summary takes none, and knows a fee on a return', async () => {
    const rows = [
      {
        type: 'FEE',
        amount: '1.00',
        order_id: 'o-2',
        refund_id: 'r-2',
        vat_amount: '0.25',
        capture_date: '2026-02-01',
      },
      { type: 'FEE', amount: '1.00', capture_date: '2026-02-01' },
    ];
    const items = await read(file({ total_fee_amount: '2.00', total_settlement_amount: '-2.00' }, rows));
    expect(faultsOf(items)).toEqual([]);
    expect(linesOf(items).map(({ line }) => line)).toMatchObject([
      { kind: 'refund', reference: 'r-2', fee: 100n, tax: 0n },
      { kind: 'fee', fee: 100n },
      { kind: 'payout' },
    ]);
  });

  it('is the same however cut', () => expectSameHoweverCut(settlement, FILE));
  it('is no workbook', () => expectOthersRefused(settlement));
});

describe('a file that contradicts itself', () => {
  it.each([
    ['a total', '300.00;50.00;0;9.97', '301.00;50.00;0;9.97', ['total_settlement_amount', 'total_sale_amount']],
    ['the settlement', ';222.54;', ';222.55;', ['total_settlement_amount']],
    ['the debt', ';10.00;0.00;XISA', ';10.00;1.00;XISA', ['closing_debt_balance']],
    ['a row cut out', /FEE;2026.*\n/, '', ['total_fee_amount']],
    ['a row doubled', /(RETURN;2026.*\n)/, '$1$1', ['total_return_amount']],
    ['a word of tomorrow', 'SALE;2026', 'TELEPORT;2026', ['total_sale_amount']],
  ])('%s', async (_, from, to, fields) => {
    const faults = faultsOf(await read(changed(from, to)));
    expect(faults.map(({ kind, field, batch }) => [kind, field, batch])).toEqual(
      fields.map((field) => ['contradiction', field, BATCH]),
    );
  });

  it('a word of tomorrow goes to suspense', async () => {
    expect(linesOf(await read(changed('SALE;2026', 'TELEPORT;2026')))[0]?.line).toMatchObject({ kind: 'other' });
  });
});

describe('a file that cannot be read', () => {
  it.each([
    ['amount', 'R1;300.00;EUR', 'R1;300,00;EUR', 5],
    ['amount', 'R1;300.00;EUR', 'R1;300.001;EUR', 5],
    ['posting_currency', 'R1;300.00;EUR', 'R1;300.00;SEK', 5],
    ['capture_date', 'SALE;2026-02-01T10:00:00Z', 'SALE;2026-13-01T10:00:00Z', 5],
    ['vat_amount', ';25;2.49;', ';25;x;', 6],
    ['settlement_currency', ';EUR;2026-02-03', ';XYZ;2026-02-03', 2],
    ['payment_reference', ';XISA93DJ;', ';;', 2],
    ['payout_date', ';2026-02-03T00:00:00Z;', ';;', 2],
    ['total_fee_amount', '0;9.97;0', '0;9.9.7;0', 2],
    ['type', 'type;capture_date', 'kind;capture_date', 4],
  ])('%s: %s as %s', async (field, from, to, row) => {
    const [first] = faultsOf(await read(changed(from, to)));
    expect(first).toMatchObject({ kind: 'unreadable', field, row });
  });

  it('its rows or its summary missing, or a row cut off', async () => {
    expect(faultsOf(await read(FILE.split('\n').slice(0, 2).join('\n')))).toMatchObject([{ kind: 'unreadable' }]);
    expect(faultsOf(await read(FILE.split('\n').slice(3).join('\n')))).toMatchObject([{ kind: 'unreadable' }]);
    const cut = FILE.slice(0, FILE.indexOf(';5.00;EUR'));
    expect(faultsOf(await read(cut))[0]).toMatchObject({ kind: 'unreadable', row: 8 });
    const endless = Array.from({ length: 60 }, () => 'a;b').join('\n');
    expect(faultsOf(await read(endless))).toMatchObject([{ kind: 'unreadable', row: 51 }]);
  });
});
