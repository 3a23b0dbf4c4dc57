import { expect, test } from 'vitest';
import { providers } from '../../src/providers/index.ts';
import { readReport, reportFixture } from '../support/report-reading.ts';

/** The file with `column` once more at the end of the header that has it, and something else in each row below. */
function twice(text: string, column: string): string {
  const separator = text.split('\n', 1)[0]?.includes(';') ? ';' : ',';
  const isHeader = (line: string): boolean => line.replaceAll('"', '').split(separator).includes(column);
  return text
    .split(/\r?\n/)
    .map((line) => (line === '' ? line : `${line}${separator}${isHeader(line) ? column : '1'}`))
    .join('\n');
}

const DETAILS = 'settlement_detail_report_batch_7.csv';
const ACCOUNTING = 'payments_accounting_report_2026_02_03.csv';

test.each([
  ['adyen', DETAILS, 'Net Credit (NC)'],
  ['adyen', DETAILS, 'Merchant Account'],
  ['adyen', ACCOUNTING, 'Payable (SC)'],
  ['adyen', 'aggregate_settlement_details_2026_02.csv', 'Credits'],
  ['checkout', 'financial-actions_ent_made_20260303_0000MADE01_1.csv', 'Holding Currency Amount'],
  ['checkout', 'settlement-breakdown_ent_made_20260303_0000MADE01_1.csv', 'Net In Holding Currency'],
  ['checkout', 'payouts_ent_made_20260302_20260303_1.csv', 'Payout Amount'],
  ['klarna', 'XISA93DJ.csv', 'total_sale_amount'],
  ['klarna', 'XISA93DJ.csv', 'amount'],
  ['paypal', 'STL-20260302.01.009.CSV', 'Fee Amount'],
  ['paypal', 'TRR-20260302.01.008.CSV', 'Gross Transaction Amount'],
  ['paypal', 'activity-de.csv', 'Brutto'],
  ['stripe', 'payout_reconciliation.csv', 'gross'],
  ['stripe', 'Balance_Summary_EUR_2026-02-01_to_2026-02-03_Europe-Berlin.csv', 'net_amount'],
  ['worldpay', 'transfer-batch-4711.csv', 'Transfer Amount'],
])('%s/%s with the column %s twice is known, and refused by its name', async (provider, name, column) => {
  const text = twice(reportFixture(provider, name), column);
  const format = providers.get(provider)?.settlements?.find((one) => one.recognises(text, name));
  if (format === undefined) throw new Error(`${name} is not known`);
  const { lines, faults } = await readReport(format, text, { fileName: name });
  expect(faults.filter(({ reason }) => reason.includes('more than once'))).toEqual([
    expect.objectContaining({ kind: 'unreadable', field: column, reason: expect.stringContaining(column) }),
  ]);
  expect(lines).toEqual([]);
});

test('columns that nobody reads may stand there as often as they like, and those whose second is the same', async () => {
  for (const [name, column] of [
    [DETAILS, 'Reserved4'],
    [ACCOUNTING, 'Settlement Currency'],
  ] as const) {
    const text = reportFixture('adyen', name);
    const format = providers.get('adyen')?.settlements?.find((one) => one.recognises(text, name));
    if (format === undefined) throw new Error(`${name} is not known`);
    const usual = await readReport(format, text);
    const read = await readReport(format, twice(text, column));
    expect(read.faults).toEqual([]);
    expect(read.lines.map(({ line }) => line)).toEqual(usual.lines.map(({ line }) => line));
    expect(usual.lines.length).toBeGreaterThan(0);
  }
});
