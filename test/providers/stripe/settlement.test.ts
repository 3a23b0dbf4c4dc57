import fc from 'fast-check';
import { expect, test } from 'vitest';
import { balanceSummary } from '../../../src/providers/stripe/balance-summary.ts';
import { stripe } from '../../../src/providers/stripe/index.ts';
import {
  balanceChange,
  endingBalance,
  payoutReconciliation,
  payouts,
} from '../../../src/providers/stripe/settlement-reports.ts';
import { lineFault, UNBATCHED } from '../../../src/settlement-line.ts';
import { openItems } from '../../support/open-items.ts';
import { netBy, readReport, reportFixture } from '../../support/report-reading.ts';
import { EVENT_AT, effects } from './normalise.ts';

const REPORT = reportFixture('stripe', 'payout_reconciliation.csv');
const ACTIVITY_NAME = 'Itemized_balance_change_from_activity_EUR_2026-02-01_to_2026-02-03_Europe-Berlin.csv';
const ACTIVITY = reportFixture('stripe', ACTIVITY_NAME);
const PAYOUTS = reportFixture('stripe', 'Itemized_payouts_EUR_2026-02-01_to_2026-02-03_Europe-Berlin.csv');
const SUMMARY_NAME = 'Balance_Summary_EUR_2026-02-01_to_2026-02-03_Europe-Berlin.csv';
const SUMMARY = reportFixture('stripe', SUMMARY_NAME);

const at = (text: string): number => Date.parse(text);
/** Another text in one cell: the row's number in the file and its column's name. */
function changed(report: string, row: number, column: string, text: string): string {
  const lines = report.split('\n');
  const n = (lines[0] ?? '').split(',').indexOf(column);
  const cells = (lines[row - 1] ?? '').split(',');
  cells[n] = text;
  lines[row - 1] = cells.join(',');
  return lines.join('\n');
}

function without(report: string, column: string): string {
  const lines = report.split('\n').slice(0, 2);
  const n = (lines[0] ?? '').split(',').indexOf(column);
  return lines.map((line) => line.split(',').toSpliced(n, 1).join(',')).join('\n');
}

test('reads every kind of line of a payout by the references its webhooks use', async () => {
  const { lines, faults } = await readReport(payoutReconciliation, REPORT, { zone: 'Europe/Berlin' });
  expect(faults).toEqual([]);
  const read = lines.map(({ line }) => [
    line.identity,
    line.kind,
    'reference' in line ? line.reference : 'payout' in line ? line.payout : 'hold' in line ? line.hold : '',
    line.gross,
    line.fee,
    line.tax,
    line.net,
  ]);
  expect(read).toEqual([
    ['txn_01', 'charge', 'ch_1', 10000n, 165n, 0n, 9835n],
    ['txn_02', 'charge', 'ch_2', 11040n, 246n, 0n, 10794n],
    ['txn_03', 'refund', 're_1', -2000n, 0n, 0n, -2000n],
    ['txn_04', 'chargeback', 'dp_1', -5000n, 2000n, 0n, -7000n],
    ['txn_05', 'chargeback_reversal', 'dp_1', 5000n, -2000n, 0n, 7000n],
    ['txn_06', 'fee', '', 0n, 50n, 0n, -50n],
    ['txn_07', 'tax', '', 0n, 0n, 10n, -10n],
    ['txn_08', 'charge', 'ch_3', 8000n, 140n, 0n, 7860n],
    ['txn_09', 'charge', 'ch_3', -3000n, 0n, 0n, -3000n],
    ['txn_10', 'transfer', 'tr_1', -2500n, 0n, 0n, -2500n],
    ['txn_11', 'platform_fee', 'fee_1', 300n, 0n, 0n, 300n],
    ['txn_12', 'reserve_hold', 'risk_reserved_funds', -1000n, 0n, 0n, -1000n],
    ['txn_13', 'reserve_release', 'risk_reserved_funds', 400n, 0n, 0n, 400n],
    ['txn_14', 'other', '', 123n, 0n, 0n, 123n],
    ['txn_15', 'payout', 'po_A1', -20752n, 0n, 0n, -20752n],
    ['txn_16', 'charge', 'py_4', 1500n, 54n, 0n, 1446n],
    ['txn_17', 'payout', 'po_B2', -1446n, 0n, 0n, -1446n],
  ]);
  expect(lines.map(({ line }) => lineFault(line))).toEqual(lines.map(() => null));
  expect(netBy(lines, ({ line }) => `${line.batch} ${line.currency}`)).toEqual({ 'po_A1 EUR': 0n, 'po_B2 JPY': 0n });
});

test('tells what the payer paid where it was in another currency, with the sign of the line', async () => {
  const { lines } = await readReport(payoutReconciliation, REPORT);
  const payers = lines.flatMap(({ line }) =>
    'payer' in line && line.payer !== undefined ? [[line.identity, line.payer]] : [],
  );
  expect(payers).toEqual([
    ['txn_02', { amount: 12000n, currency: 'USD' }],
    ['txn_03', { amount: -2300n, currency: 'USD' }],
  ]);
});

test('a dispute of a payment in another currency is in the balance’s, as its webhook is, and nets with it', async () => {
  const { lines } = await readReport(payoutReconciliation, REPORT);
  const dispute = lines.filter(({ line }) => 'reference' in line && line.reference === 'dp_1').map(({ line }) => line);
  const moved = { object: 'balance_transaction', currency: 'eur', created: EVENT_AT / 1000 };
  const told = (type: string, ...transactions: object[]) =>
    effects(type, {
      id: 'dp_1',
      object: 'dispute',
      amount: 5500,
      currency: 'usd',
      charge: 'ch_0',
      status: 'needs_response',
      balance_transactions: transactions,
    });
  const withdrawn = { ...moved, id: 'txn_04', amount: -5000, fee: 2000, net: -7000 };
  const reinstated = { ...moved, id: 'txn_05', amount: 5000, fee: -2000, net: 7000 };
  const lost = told('charge.dispute.funds_withdrawn', withdrawn);
  expect(openItems('stripe', [...lost, ...dispute.slice(0, 1)])).toEqual({
    'asset:disputes_receivable[dp_1] - EUR': 5000n,
    'asset:processor_balance[po_A1] - EUR': -7000n,
  });
  const won = told('charge.dispute.funds_reinstated', withdrawn, reinstated);
  expect(openItems('stripe', [...lost, ...won, ...dispute])).toEqual({});
});

test('takes times in UTC where the file has them so, keys for matching, and leaves out who the payer is', async () => {
  const { lines } = await readReport(payoutReconciliation, REPORT, { zone: 'Europe/Berlin' });
  const [first] = lines;
  expect(first).toMatchObject({
    row: 2,
    keys: { source: 'ch_1', payment: 'ch_1', merchant: 'order-1' },
    availableAt: at('2026-02-04T23:00:00Z'),
    paymentMethod: 'card',
    line: { at: at('2026-02-02T22:30:00Z'), zone: 'Europe/Berlin', word: 'charge', batch: 'po_A1' },
  });
  expect(first?.raw).toContain('txn_01');
  expect(lines.map(({ raw }) => raw).join('\n')).not.toMatch(/ada@example\.com|Ada Example/);
  // What needed its quotes keeps them.
  expect(lines[1]?.raw).toContain('"Order 2, ""express"""');
  expect(lines.find(({ line }) => line.kind === 'payout')?.keys).toEqual({ source: 'po_A1', bank: 'TRACE-1' });
});

test('one row cut out, or one cent off, is a contradiction that names payout, row, expected and found', async () => {
  const cut = REPORT.split('\n').toSpliced(2, 1).join('\n');
  expect((await readReport(payoutReconciliation, cut)).faults).toEqual([
    expect.objectContaining({
      kind: 'contradiction',
      row: 15,
      batch: 'po_A1',
      expected: '207.52 EUR',
      found: '99.58 EUR',
    }),
  ]);
  const off = changed(REPORT, 18, 'net', '-1445');
  expect((await readReport(payoutReconciliation, off)).faults).toEqual([
    expect.objectContaining({
      kind: 'contradiction',
      row: 18,
      field: 'net',
      expected: '-1446 JPY',
      found: '-1445 JPY',
    }),
    expect.objectContaining({
      kind: 'contradiction',
      row: 18,
      batch: 'po_B2',
      expected: '1445 JPY',
      found: '1446 JPY',
    }),
  ]);
});

test('a row whose net is not gross − fee contradicts itself, and its net stands: it is what moved', async () => {
  const { lines, faults } = await readReport(payoutReconciliation, changed(REPORT, 2, 'fee', '1.66'));
  expect(faults).toEqual([
    expect.objectContaining({ kind: 'contradiction', row: 2, field: 'net', expected: '98.34 EUR', found: '98.35 EUR' }),
  ]);
  expect(lines[0]?.line).toMatchObject({ gross: 10001n, fee: 166n, net: 9835n });
});

test('a payout that came back later is no part of what it paid', async () => {
  const back = REPORT.split('\n')[15]
    ?.replace('txn_15', 'txn_18')
    .replace('-207.52,0.00,-207.52,payout', '207.52,0.00,207.52,payout_reversal');
  const { lines, faults } = await readReport(payoutReconciliation, `${REPORT}${back}\n`);
  expect(faults).toEqual([]);
  expect(lines.at(-1)?.line).toMatchObject({ kind: 'payout_reversal', payout: 'po_A1', gross: 20752n, net: 20752n });
});

test('digits below the minor unit are rounded half to even, and what is left over is kept', async () => {
  let report = changed(REPORT, 2, 'fee', '1.655');
  report = changed(report, 2, 'net', '98.345');
  const { lines } = await readReport(payoutReconciliation, report);
  expect(lines[0]).toMatchObject({ line: { gross: 10000n, fee: 166n, net: 9834n }, residue: '0.5' });
});

test('amounts of more digits than a number holds exactly are read as any other', async () => {
  const sum = '12345678901.00';
  let report = changed(REPORT, 4, 'customer_facing_currency', 'idr');
  report = changed(report, 4, 'customer_facing_amount', sum);
  const [, , refund] = (await readReport(payoutReconciliation, report)).lines;
  expect(refund?.line).toMatchObject({ payer: { amount: -1_234_567_890_100n, currency: 'IDR' } });

  // The column of the payer's currency is missing: the same amount is one in the same currency.
  const header = REPORT.split('\n', 1)[0] ?? '';
  const bare = REPORT.replace(header, header.replace('customer_facing_currency', 'x'));
  for (const [facing, faults] of [
    [sum, []],
    ['12345678901.01', [{ row: 2, field: 'customer_facing_currency' }]],
  ] as const) {
    let large = changed(bare.split('\n').slice(0, 2).join('\n'), 2, 'gross', sum);
    large = changed(large, 2, 'net', '12345678899.35');
    const read = await readReport(payoutReconciliation, changed(large, 2, 'customer_facing_amount', facing));
    expect(read.faults.filter(({ kind }) => kind === 'unreadable')).toMatchObject(faults);
  }

  const summary = SUMMARY.replace('"5.00"', '"100000000005.00"').replace('"15.88"', '"100000000015.88"');
  const { batches, faults } = await readReport(balanceSummary, summary, { fileName: SUMMARY_NAME });
  expect(faults).toEqual([]);
  expect(batches).toMatchObject([{ opening: 10_000_000_000_500n, closing: 10_000_000_001_588n }]);
});

test.each([
  ['gross', '1,000.00', 'decimal'],
  ['fee', 'abc', 'decimal'],
  ['net', '', 'decimal'],
  ['gross', '1e2', 'decimal'],
  ['currency', 'xxz', 'ISO 4217'],
  ['currency', '', 'ISO 4217'],
  ['created_utc', '2026-02-30 10:00:00', 'time'],
  ['created_utc', '1.2302025304E+022', 'time'],
  ['balance_transaction_id', '', 'balance transaction'],
  ['customer_facing_currency', 'usdollar', 'ISO 4217'],
])('refuses %s "%s" with its row and column, and reads the others', async (column, text, reason) => {
  const value = text.includes(',') ? `"${text}"` : text;
  const { lines, faults } = await readReport(payoutReconciliation, changed(REPORT, 2, column, value));
  expect(faults[0]).toMatchObject({
    kind: 'unreadable',
    row: 2,
    field: column,
    value: text,
    reason: expect.stringContaining(reason),
  });
  expect(lines).toHaveLength(16);
});

test('a payment in another currency without what was paid is refused, and names the column', async () => {
  const { faults } = await readReport(payoutReconciliation, changed(REPORT, 3, 'customer_facing_amount', ''));
  expect(faults[0]).toMatchObject({ kind: 'unreadable', row: 3, field: 'customer_facing_amount' });
});

test('a payment in another currency without the column that says which is refused, and names it', async () => {
  const n = (REPORT.split('\n')[0] ?? '').split(',').indexOf('customer_facing_currency');
  const lines = REPORT.split('\n').filter((line) => !line.includes('"'));
  const cut = lines.map((line) => (line === '' ? line : line.split(',').toSpliced(n, 1).join(','))).join('\n');
  const { faults } = await readReport(payoutReconciliation, cut);
  // Not of the dispute that follows: it is in the balance's own.
  expect(faults.filter(({ kind }) => kind === 'unreadable').map(({ row, field }) => [row, field])).toEqual([
    [3, 'customer_facing_currency'],
  ]);
});

test.each([
  'automatic_payout_id',
  'balance_transaction_id',
  'gross',
  'fee',
  'net',
  'currency',
  'reporting_category',
  'source_id',
])('names the column %s where it is missing', async (column) => {
  const { lines, faults } = await readReport(payoutReconciliation, without(REPORT, column));
  expect(lines).toEqual([]);
  expect(faults).toEqual([
    expect.objectContaining({ kind: 'unreadable', row: 1, field: expect.stringContaining(column) }),
  ]);
});

test('reads the same whatever the order of the columns, and with columns of tomorrow', async () => {
  const usual = await readReport(payoutReconciliation, REPORT);
  const lines = REPORT.trimEnd().split('\n');
  const plain = lines.filter((line) => !line.includes('"'));
  const turned = plain
    .map((line, n) => [...line.split(',').reverse(), n === 0 ? 'new_column' : 'x'].join(','))
    .join('\r\n');
  const read = await readReport(payoutReconciliation, turned);
  const kept = usual.lines.filter(({ line }) => line.identity !== 'txn_02');
  expect(read.lines.map(({ line, keys }) => [line, keys])).toEqual(kept.map(({ line, keys }) => [line, keys]));
});

test('a file that is cut off, in a row or in quotes, is refused', async () => {
  const inRow = REPORT.slice(0, REPORT.indexOf('txn_16') + 20);
  expect((await readReport(payoutReconciliation, inRow)).faults).toContainEqual(
    expect.objectContaining({ kind: 'unreadable', row: 17, reason: expect.stringContaining('cut off') }),
  );
  const inQuotes = REPORT.slice(0, REPORT.indexOf('express'));
  expect((await readReport(payoutReconciliation, inQuotes)).faults).toContainEqual(
    expect.objectContaining({ kind: 'unreadable', row: 3, reason: expect.stringContaining('never closed') }),
  );
});

test('an empty file, a workbook and a row without its quotes are refused with what to do', async () => {
  expect((await readReport(payoutReconciliation, '')).faults).toEqual([
    expect.objectContaining({ kind: 'unreadable', row: null, reason: expect.stringContaining('empty') }),
  ]);
  expect((await readReport(payoutReconciliation, Buffer.from('504b0304', 'hex'))).faults).toContainEqual(
    expect.objectContaining({ kind: 'unreadable', reason: expect.stringContaining('as CSV') }),
  );
  const { faults } = await readReport(payoutReconciliation, REPORT.replace('Order 1', 'Order 1, late'));
  expect(faults[0]).toMatchObject({ kind: 'unreadable', row: 2, reason: expect.stringContaining('quotes') });
});

test('in mode balance a line belongs to its day in the account’s zone, whichever file brings it', async () => {
  const context = { zone: 'Europe/Berlin', fileName: ACTIVITY_NAME };
  const { lines, faults } = await readReport(balanceChange, ACTIVITY, context);
  expect(faults).toEqual([]);
  expect(lines.map(({ row, line }) => [row, line.batch, line.net])).toEqual([
    [2, '2026-02-01', 961n],
    [3, '2026-02-01', 1947n],
    [5, '2026-02-02', -500n],
  ]);
  const paid = await readReport(payouts, PAYOUTS, { ...context, mode: 'balance' });
  expect(paid.lines.map(({ line }) => line)).toEqual([
    expect.objectContaining({
      kind: 'payout',
      payout: 'po_M1',
      batch: '2026-02-02',
      gross: -2000n,
      fee: 20n,
      net: -2020n,
    }),
    expect.objectContaining({ kind: 'payout_reversal', payout: 'po_M0', batch: '2026-02-02', net: 700n }),
  ]);
  expect(paid.lines[0]?.availableAt).toBe(at('2026-02-03T23:00:00Z'));
});

test('without references an activity report is still counted, but not where it moves money', async () => {
  const bare = ACTIVITY.replace(',"source_id","charge_id"', '').replaceAll(/,"(ch|re)_\d+","ch_\d+"/g, '');
  const control = await readReport(balanceChange, bare, { mode: 'payout' });
  expect(control.lines.map(({ line }) => ('reference' in line ? line.reference : ''))).toEqual([
    'txn_21',
    'txn_22',
    'txn_23',
  ]);
  expect(control.lines.map(({ line }) => line.batch)).toEqual([UNBATCHED, UNBATCHED, UNBATCHED]);
  const money = await readReport(balanceChange, bare, { mode: 'balance' });
  expect(money.faults).toEqual([expect.objectContaining({ field: 'source_id or payout_id' })]);
});

test('the balance summary states opening and closing of its period, and must add up', async () => {
  const said = { type: 'batch', currency: 'EUR', opening: 500n, closing: 1588n, net: 2408n, payout: -1320n };
  const period = {
    batch: '2026-02-01_to_2026-02-03',
    from: at('2026-01-31T23:00:00Z'),
    to: at('2026-02-03T22:59:59.999Z'),
  };
  // By its name; by its rows where it has another; and of no time, where neither says.
  const unnamed = SUMMARY.replaceAll(/ \(.*\)/g, '');
  for (const [text, fileName, of] of [
    [unnamed, SUMMARY_NAME, period],
    [SUMMARY, 'frr_1.csv', period],
    [unnamed, 'frr_1.csv', { batch: 'frr_1.csv' }],
    [SUMMARY.replace('(2026-02-03)', '(2026-02-30)'), 'frr_1.csv', { batch: 'frr_1.csv' }],
    [SUMMARY.replace('(2026-02-03)', '(2026-01-31)'), 'frr_1.csv', { batch: 'frr_1.csv' }],
  ] as const) {
    const { batches, faults } = await readReport(balanceSummary, text, { fileName, zone: 'Europe/Berlin' });
    expect(faults).toEqual([]);
    expect(batches).toEqual([{ ...said, ...of }]);
  }
  const wrong = await readReport(balanceSummary, SUMMARY.replace('-13.20', '-13.21'));
  expect(wrong.faults).toEqual([
    expect.objectContaining({ kind: 'contradiction', row: 5, expected: '15.88 EUR', found: '15.87 EUR' }),
  ]);
});

test('each file is known by its columns, and those that have the same by their name', () => {
  const known = (head: string, name: string | null): string | undefined =>
    stripe.settlements?.find((format) => format.recognises(head, name))?.name;
  expect(known(REPORT, null)).toBe('payout_reconciliation');
  expect(known(REPORT, ACTIVITY_NAME)).toBe('balance_change');
  expect(known(ACTIVITY, null)).toBe('balance_change');
  expect(known(ACTIVITY, 'Ending_balance_itemized.csv')).toBe('ending_balance');
  expect(known(PAYOUTS, null)).toBe('payouts');
  expect(known(SUMMARY, null)).toBe('balance_summary');
  expect(known('a,b\n1,2', 'payout_reconciliation.csv')).toBeUndefined();
});

test('exactly one way of being paid moves an account’s money', () => {
  const moving = (mode?: 'payout' | 'balance') =>
    [payoutReconciliation, balanceChange, payouts, endingBalance, balanceSummary]
      .filter((format) => format.role(mode === undefined ? {} : { settlement_mode: mode }) === 'money')
      .map(({ name }) => name);
  expect(moving()).toEqual(['payout_reconciliation']);
  expect(moving('payout')).toEqual(['payout_reconciliation']);
  // Two halves of one report: Stripe's activity leaves payouts out.
  expect(moving('balance')).toEqual(['balance_change', 'payouts']);
});

test('how a file is cut never changes what is read', async () => {
  const whole = await readReport(payoutReconciliation, REPORT);
  const other = await readReport(balanceChange, ACTIVITY);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 }), async (sizes) => {
      expect(await readReport(payoutReconciliation, REPORT, {}, sizes)).toEqual(whole);
      expect(await readReport(balanceChange, ACTIVITY, {}, sizes)).toEqual(other);
    }),
    { numRuns: 50 },
  );
});

test('whatever bytes are handed in, each format answers, and only with faults or lines that hold', async () => {
  const words = fc.constantFrom(...REPORT.split(/([,\n"])/).slice(0, 200), '"', '\r', '\0', '9'.repeat(50), '-', 'é');
  await fc.assert(
    fc.asyncProperty(fc.array(words, { maxLength: 80 }), fc.boolean(), async (parts, hasHeader) => {
      const text = `${hasHeader ? `${REPORT.split('\n')[0]}\n` : ''}${parts.join('')}`;
      for (const format of stripe.settlements ?? []) {
        const { lines, faults } = await readReport(format, text);
        expect(lines.map(({ line }) => lineFault(line))).toEqual(lines.map(() => null));
        expect(lines.length + faults.length).toBeLessThan(200);
      }
    }),
    { numRuns: 200 },
  );
});
