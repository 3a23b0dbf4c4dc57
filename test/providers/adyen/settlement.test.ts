import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { aggregateSettlement } from '../../../src/providers/adyen/aggregate-settlement.ts';
import { adyen } from '../../../src/providers/adyen/index.ts';
import { paymentAccounting } from '../../../src/providers/adyen/payment-accounting.ts';
import { settlementDetails } from '../../../src/providers/adyen/settlement-details.ts';
import { HASHED, lineFault } from '../../../src/settlement-line.ts';
import { netBy, readReport, reportFixture } from '../../support/report-reading.ts';

const BATCH = reportFixture('adyen', 'settlement_detail_report_batch_7.csv');
const NEXT = reportFixture('adyen', 'settlement_detail_report_batch_8.csv');
const ACCOUNTING = reportFixture('adyen', 'payments_accounting_report_2026_02_03.csv');
const AGGREGATE = reportFixture('adyen', 'aggregate_settlement_details_2026_02.csv');
const at = (text: string): number => Date.parse(text);

function changed(report: string, row: number, column: string, text: string): string {
  const lines = report.split('\n');
  const n = (lines[0] ?? '').split(',').indexOf(column);
  const cells = (lines[row - 1] ?? '').split(',');
  cells[n] = text;
  lines[row - 1] = cells.join(',');
  return lines.join('\n');
}

test('reads every type by the references its webhooks use, its direction from the filled column', async () => {
  const { lines, faults, batches } = await readReport(settlementDetails, BATCH);
  expect(faults).toEqual([]);
  const read = lines.map(({ line }) => [
    line.word,
    line.kind,
    'reference' in line
      ? line.reference
      : 'payout' in line
        ? line.payout
        : 'from' in line
          ? `${line.from}>${line.to}`
          : '',
    line.gross,
    line.fee,
    line.net,
  ]);
  expect(read).toEqual([
    ['Settled', 'charge', '8835000000000001', 10000n, 90n, 9910n],
    ['Settled', 'charge', '8835000000000002', 5767n, 27n, 5740n],
    ['Settled', 'charge', '8835000000000003', 10n, 25n, -15n],
    ['Refunded', 'refund', '8835000000000204', -2000n, 10n, -2010n],
    ['RefundedReversed', 'refund_reversal', '8835000000000205', 2000n, 0n, 2000n],
    ['Chargeback', 'chargeback', '8835000000000306', -3000n, 750n, -3750n],
    ['ChargebackReversed', 'chargeback_reversal', '8835000000000306', 3000n, 0n, 3000n],
    ['Fee', 'fee', '', 0n, 180n, -180n],
    ['Fee', 'fee', '', 0n, 180n, -180n],
    ['InvoiceDeduction', 'fee', '', 0n, 1200n, -1200n],
    ['DepositCorrection', 'reserve_hold', '', -2500n, 0n, -2500n],
    ['Balancetransfer', 'carry_forward', 'ShopNL/6>ShopNL/7', -419n, 0n, -419n],
    ['InventedType', 'other', '', 77n, 0n, 77n],
    ['MerchantPayout', 'payout', 'TX835000000XT', -10473n, 0n, -10473n],
  ]);
  expect(lines.map(({ line }) => lineFault(line))).toEqual(lines.map(() => null));
  expect(netBy(lines, ({ line }) => line.batch)).toEqual({ 'ShopNL/7': 0n });
  // The two fees are the same in all of their fields: the import tells them apart by their number.
  expect(new Set(lines.map(({ line }) => line.identity)).size).toBe(lines.length - 1);
  expect(lines.every(({ line }) => line.identity.startsWith(HASHED))).toBe(true);
  expect(batches).toEqual([
    {
      type: 'batch',
      batch: 'ShopNL/7',
      currency: 'EUR',
      sequence: { kind: 'number', series: 'ShopNL', value: 7 },
      opening: 0n,
      closing: 0n,
    },
  ]);
});

test('tells keys, both times in the report’s own zone, what the payer paid and at which rate', async () => {
  const { lines } = await readReport(settlementDetails, BATCH, { zone: 'Europe/Berlin' });
  expect(lines[0]).toMatchObject({
    row: 2,
    occurredAt: at('2026-02-02T22:30:00Z'),
    paymentMethod: 'visa',
    line: { at: at('2026-02-04T01:00:00Z'), zone: 'Europe/Berlin' },
  });
  // Captured by Adyen itself (`<auto>`), under a reference that no webhook tells.
  expect(lines[0]?.keys).toEqual({ payment: '8835000000000001', merchant: 'order-1' });
  expect(lines[1]).toMatchObject({ fxRate: '1.1534', line: { payer: { amount: 5000n, currency: 'GBP' } } });
  expect(lines.at(-1)?.keys).toEqual({ source: 'TX835000000XT batch 7, ShopNL', bank: 'TX835000000XT' });
  expect(lines.map(({ raw }) => raw).join('\n')).not.toMatch(/ada@example\.com|Ada Example/);
});

test('reads other orders and columns, summer time, and a batch that is handed on to the next', async () => {
  const { lines, faults } = await readReport(settlementDetails, NEXT);
  expect(faults).toEqual([]);
  expect(lines[0]?.line.at).toBe(at('2026-07-02T21:30:00Z'));
  expect(lines[1]?.line).toMatchObject({ kind: 'chargeback', gross: -1000n, fee: 0n, net: -1000n });
  expect(lines[2]?.line).toMatchObject({ kind: 'carry_forward', from: 'ShopNL/8', to: 'ShopNL/9', net: 505n });
});

test('the same batch without the columns that an account may leave out has the same lines', async () => {
  const bare = BATCH.replace(',Merchant Reference,', ',x,').replace(',Modification Merchant Reference,', ',y,');
  // What a Balancetransfer is between stands in that column alone.
  const linesOf = async (report: string) =>
    (await readReport(settlementDetails, report)).lines
      .map(({ line }) => line)
      .filter(({ word }) => word !== 'Balancetransfer');
  const usual = await linesOf(BATCH);
  expect(usual).toHaveLength(13);
  expect(await linesOf(bare)).toEqual(usual);
});

test('two transfers of one amount to different batches are two lines', async () => {
  const row = BATCH.split('\n').find((line) => line.includes('Balancetransfer from batch 6'));
  const { lines } = await readReport(settlementDetails, `${BATCH}${row?.replace('batch 6', 'batch 5')}\n`);
  const transfers = lines.filter(({ line }) => line.word === 'Balancetransfer').map(({ line }) => line.identity);
  expect([transfers.length, new Set(transfers).size]).toEqual([2, 2]);
});

test('identities stay the same with other columns, another order of rows and the file cut elsewhere', async () => {
  const usual = (await readReport(settlementDetails, BATCH)).lines.map(({ line }) => line.identity);
  const wider = BATCH.split('\n')
    .map((line, n) => (line === '' ? line : `${n === 0 ? 'Store' : '7'},${line}`))
    .join('\n');
  expect((await readReport(settlementDetails, wider)).lines.map(({ line }) => line.identity)).toEqual(usual);
  const [header, ...rows] = BATCH.trimEnd().split('\n');
  const turned = [header, ...rows.reverse()].join('\n');
  const identities = (await readReport(settlementDetails, turned)).lines.map(({ line }) => line.identity);
  expect(identities.toSorted()).toEqual(usual.toSorted());
});

test('a row cut out, one cent off or a row that stands there twice is a contradiction of its batch', async () => {
  const fault = { kind: 'contradiction', batch: 'ShopNL/7', field: 'Net Debit (NC)' };
  const cut = BATCH.split('\n').toSpliced(1, 1).join('\n');
  expect((await readReport(settlementDetails, cut)).faults).toEqual([
    expect.objectContaining({ ...fault, row: 14, expected: '108.17 EUR', found: '207.27 EUR' }),
  ]);
  expect((await readReport(settlementDetails, changed(BATCH, 9, 'Net Debit (NC)', '1.81'))).faults).toEqual([
    expect.objectContaining({ ...fault, expected: '207.27 EUR', found: '207.28 EUR' }),
  ]);
  const twice = BATCH.split('\n')
    .toSpliced(2, 0, BATCH.split('\n')[1] ?? '')
    .join('\n');
  const read = await readReport(settlementDetails, twice);
  expect(read.faults).toHaveLength(1);
  expect(read.lines).toHaveLength(15);
});

test('a row whose net is not gross − fees contradicts itself, and its net stands', async () => {
  const { lines, faults } = await readReport(settlementDetails, changed(BATCH, 2, 'Interchange (NC)', '0.25'));
  expect(faults).toEqual([
    expect.objectContaining({ kind: 'contradiction', row: 2, expected: '99.05 EUR', found: '99.10 EUR' }),
  ]);
  expect(lines[0]?.line).toMatchObject({ gross: 10005n, fee: 95n, net: 9910n });
});

test('fees below the minor unit leave a residue, and no contradiction', async () => {
  const { lines, faults } = await readReport(settlementDetails, changed(BATCH, 2, 'Interchange (NC)', '0.2031'));
  expect(faults).toEqual([]);
  expect(lines[0]).toMatchObject({ line: { gross: 10000n, fee: 90n, net: 9910n }, residue: '-0.31' });
});

test('an exchange rate may be rounded in its last digit, and no further', async () => {
  expect((await readReport(settlementDetails, changed(BATCH, 3, 'Exchange Rate', '1.153'))).faults).toEqual([]);
  expect((await readReport(settlementDetails, changed(BATCH, 3, 'Exchange Rate', ''))).faults).toEqual([]);
  expect((await readReport(settlementDetails, changed(BATCH, 3, 'Exchange Rate', '1.2534'))).faults).toEqual([
    expect.objectContaining({ kind: 'contradiction', row: 3, expected: '62.40 EUR', found: '57.40 EUR' }),
  ]);
});

test.each([
  ['Net Credit (NC)', '1.234,00', 'decimal'],
  ['Gross Credit (GC)', '1.2302025304E+022', 'decimal'],
  ['Markup (NC)', 'x', 'decimal'],
  ['Net Currency', 'EURO', 'ISO 4217'],
  ['Gross Currency', '', 'ISO 4217'],
  ['Batch Number', '', 'batch'],
  ['Batch Number', '1e3', 'batch'],
  ['Merchant Account', '', 'merchant account'],
  ['Creation Date', '02/02/2026', 'time'],
  ['TimeZone', 'XYZ', 'time zone XYZ'],
  ['TimeZone', 'IST', 'set time_zone'],
])('refuses %s "%s" with its row, and reads the others', async (column, text, reason) => {
  const value = text.includes(',') ? `"${text}"` : text;
  const { lines, faults } = await readReport(settlementDetails, changed(BATCH, 2, column, value));
  expect(faults[0]).toMatchObject({ kind: 'unreadable', row: 2, reason: expect.stringContaining(reason) });
  expect(lines).toHaveLength(13);
});

test.each([
  'Merchant Account',
  'Psp Reference',
  'Type',
  'Modification Reference',
  'Net Debit (NC)',
  'Commission (NC)',
  'Batch Number',
])('names the column %s where it is missing', async (column) => {
  const report = BATCH.replace(column, 'Something Else');
  const { lines, faults } = await readReport(settlementDetails, report);
  expect(lines).toEqual([]);
  expect(faults).toEqual([expect.objectContaining({ kind: 'unreadable', row: 1, field: column })]);
});

describe('a file of two merchant accounts', () => {
  const [header, ...rows] = BATCH.trimEnd().split('\n');
  const other = rows.map((row) =>
    row.replaceAll('ShopNL', 'ShopDE').replaceAll('batch 7', 'batch 9').replace(',7,', ',9,'),
  );
  const mixed = [header, ...rows.flatMap((row, n) => [row, other[n] ?? ''])].join('\n');

  test.each([
    ['ShopNL', 'ShopNL/7'],
    ['ShopDE', 'ShopDE/9'],
  ])('is read for the one that is meant: %s', async (only, batch) => {
    const { lines, batches, faults } = await readReport(settlementDetails, mixed, { account: only, only });
    expect(faults).toEqual([]);
    expect(lines).toHaveLength(rows.length);
    expect(batches.map((one) => one.batch)).toEqual([batch]);
  });

  test('is refused where nobody says which, with both names', async () => {
    const { faults } = await readReport(settlementDetails, mixed, { account: 'ShopNL' });
    expect(faults).toEqual([
      expect.objectContaining({ kind: 'unreadable', reason: expect.stringContaining('ShopNL and ShopDE') }),
    ]);
  });

  test('is refused for a third, with the names it has', async () => {
    const { lines, faults } = await readReport(settlementDetails, mixed, { account: 'ShopFR', only: 'ShopFR' });
    expect(lines).toEqual([]);
    expect(faults).toEqual([
      expect.objectContaining({ reason: 'The report has no row of ShopFR; it is of ShopNL, ShopDE' }),
    ]);
  });

  test.each([
    ['settlement details', settlementDetails, BATCH],
    ['a file without a row', settlementDetails, `${header}\n`],
  ])('%s names its account by its first row', (_, format, text) => {
    expect(format.accountOf?.(text)).toBe(text === BATCH ? 'ShopNL' : null);
  });
});

test('a transfer between merchant accounts names no batch: it is for a person', async () => {
  const report = BATCH.replace('Balancetransfer from batch 6', 'Transfer from ShopDE');
  expect((await readReport(settlementDetails, report)).lines[11]?.line).toMatchObject({
    kind: 'adjustment',
    net: -419n,
  });
});

test('the payment accounting report is a control: what reached Payable is kept', async () => {
  const { lines, faults } = await readReport(paymentAccounting, ACCOUNTING);
  expect(faults).toEqual([]);
  expect(lines.map(({ row, line }) => [row, line])).toEqual([
    [
      4,
      expect.objectContaining({
        kind: 'charge',
        reference: '8835000000000001',
        batch: 'ShopNL/7',
        gross: 10000n,
        fee: 90n,
        net: 9910n,
      }),
    ],
  ]);
  expect(paymentAccounting.role({})).toBe('control');
});

test('the aggregate report is read below its preamble, and each batch must close', async () => {
  const { batches, faults } = await readReport(aggregateSettlement, AGGREGATE);
  expect([batches.map(({ batch }) => batch), faults]).toEqual([['ShopNL/7'], []]);
  const large = AGGREGATE.replace('156.50', '12345678901.15').replace('156.35', '12345678901.00');
  expect(await readReport(aggregateSettlement, large)).toMatchObject({ batches, faults: [] });
  const wrong = await readReport(aggregateSettlement, AGGREGATE.replace('156.35', '156.34'));
  expect(wrong.faults).toEqual([
    expect.objectContaining({ kind: 'contradiction', batch: 'ShopNL/7', expected: '156.50 EUR', found: '156.49 EUR' }),
  ]);
  const headless = await readReport(aggregateSettlement, AGGREGATE.replace('Journal Type', 'x'));
  expect(headless.faults).toEqual([expect.objectContaining({ kind: 'unreadable', row: 3, field: 'Journal Type' })]);
});

test('each file is known by its columns', () => {
  const known = (head: string): string | undefined =>
    adyen.settlements?.find((format) => format.recognises(head, null))?.name;
  expect([BATCH, NEXT, ACCOUNTING, AGGREGATE, 'a,b\n'].map(known)).toEqual([
    'settlement_details',
    'settlement_details',
    'payment_accounting',
    'aggregate_settlement',
    undefined,
  ]);
});

test('how a file is cut never changes what is read', async () => {
  const whole = await readReport(settlementDetails, BATCH);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 }), async (sizes) => {
      expect(await readReport(settlementDetails, BATCH, {}, sizes)).toEqual(whole);
    }),
    { numRuns: 50 },
  );
});

test('whatever bytes are handed in, each format answers, and only with faults or lines that hold', async () => {
  const words = fc.constantFrom(...BATCH.split(/([,\n"])/).slice(0, 300), '"', '\r', '\0', '9'.repeat(50), '-', 'é');
  await fc.assert(
    fc.asyncProperty(fc.array(words, { maxLength: 120 }), fc.boolean(), async (parts, hasHeader) => {
      const text = `${hasHeader ? `${BATCH.split('\n')[0]}\n` : ''}${parts.join('')}`;
      for (const format of adyen.settlements ?? []) {
        const { lines, faults } = await readReport(format, text);
        expect(lines.map(({ line }) => lineFault(line))).toEqual(lines.map(() => null));
        expect(lines.length + faults.length).toBeLessThan(200);
      }
    }),
    { numRuns: 200 },
  );
});
