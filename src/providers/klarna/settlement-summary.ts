import { currencyExponent } from '../../currency.ts';
import { exactMinor } from '../../decimal-amount.ts';
import { bindColumns, type ColumnNames, cellAt, isHeaderOf } from '../../header-columns.ts';
import { contradiction, headerFaults, unreadable } from '../report-faults.ts';
import type { ReportFault } from '../settlement-format.ts';
import { fileTime } from './settlement-time.ts';

/** Each total of the summary, with the sign it has in Klarna's formula. docs.klarna.com, "Settlement files" */
export const SIGNS = {
  total_sale_amount: 1n,
  total_return_amount: -1n,
  total_reversal_amount: -1n,
  total_fee_amount: -1n,
  total_fee_correction_amount: 1n,
  total_commission_amount: 1n,
  total_commission_reversal_amount: -1n,
  total_tax_amount: -1n,
  total_charge_amount: -1n,
  total_credit_amount: 1n,
  total_repay_amount: -1n,
  total_holdback_amount: -1n,
  total_release_amount: 1n,
  total_fee_refund_amount: 1n,
} as const;

export type Total = keyof typeof SIGNS;
export const TOTALS = Object.keys(SIGNS) as readonly Total[];

/** The summary block: what the file says of its payout before its rows. Amounts in minor units. */
export type Summary = {
  readonly row: number;
  readonly payout: string;
  readonly currency: string;
  readonly exponent: number;
  readonly paidAt: number;
  readonly totals: Readonly<Record<Total, bigint>>;
  readonly settled: bigint;
  readonly deposit: bigint;
  readonly openingDebt: bigint | null;
  readonly closingDebt: bigint | null;
};

const REQUIRED = ['payment_reference', 'settlement_currency', 'total_settlement_amount', 'payout_date'];
const DEBTS = ['opening_debt_balance', 'closing_debt_balance'] as const;
const AMOUNTS = [...TOTALS, 'total_settlement_amount', 'total_deposit_amount', ...DEBTS];

const COLUMNS: ColumnNames = Object.fromEntries([
  ...AMOUNTS.map((name) => [name, [name, null]]),
  ...REQUIRED.map((name) => [name, [name]]),
]);

export const isSummaryHeader = (cells: readonly string[]): boolean => isHeaderOf(cells, COLUMNS);

/** The line of names and the line of values below it. */
export function readSummary(
  names: readonly string[],
  values: readonly string[],
  row: number,
): { readonly summary: Summary | null; readonly faults: readonly ReportFault[] } {
  const bound = bindColumns(names, COLUMNS);
  if (bound.kind !== 'bound') return { summary: null, faults: headerFaults(row, bound, 'is missing in the summary') };
  const cell = (name: string): string => cellAt(values, bound.at[name] ?? -1).trim();
  const currency = cell('settlement_currency').toUpperCase();
  const exponent = currencyExponent(currency);
  if (exponent === undefined)
    return failed(row, 'settlement_currency', currency, 'must be an ISO 4217 currency with known decimals');
  const payout = cell('payment_reference');
  if (payout === '') return failed(row, 'payment_reference', '', 'must name the payout');
  const paidAt = fileTime(cell('payout_date'));
  if (paidAt === null)
    return failed(row, 'payout_date', cell('payout_date'), 'must be a time, such as 2026-02-01T09:00:00Z');
  const amounts = new Map<string, bigint>();
  for (const name of AMOUNTS) {
    const text = cell(name);
    const amount = text === '' ? 0n : exactMinor(text, exponent);
    if (amount === null) return failed(row, name, text, `must be a decimal number with at most ${exponent} decimals`);
    amounts.set(name, amount);
  }
  const of = (name: string): bigint => amounts.get(name) ?? 0n;
  const debt = (name: string): bigint | null => (cell(name) === '' ? null : of(name));
  const totals = Object.fromEntries(TOTALS.map((name) => [name, of(name)])) as Record<Total, bigint>;
  const summary: Summary = {
    row,
    payout,
    currency,
    exponent,
    paidAt,
    totals,
    settled: of('total_settlement_amount'),
    deposit: of('total_deposit_amount'),
    openingDebt: debt('opening_debt_balance'),
    closingDebt: debt('closing_debt_balance'),
  };
  return { summary, faults: [] };
}

/** Klarna's formula over the totals, and what became of the debt. */
export function summaryFaults(summary: Summary): readonly ReportFault[] {
  const { row, payout: batch, currency, totals, settled, deposit, openingDebt, closingDebt } = summary;
  const faults: ReportFault[] = [];
  const sum = TOTALS.reduce((total, name) => total + SIGNS[name] * totals[name], 0n);
  if (sum !== settled) {
    const where = { row, field: 'total_settlement_amount', batch, currency, expected: settled, found: sum };
    faults.push(contradiction(where, 'The totals do not come to the settlement'));
  }
  if (openingDebt !== null && closingDebt !== null) {
    const found = openingDebt - totals.total_repay_amount + deposit;
    if (found !== closingDebt) {
      const where = { row, field: 'closing_debt_balance', batch, currency, expected: closingDebt, found };
      faults.push(
        contradiction(where, 'The debt before, less what was repaid, with the deposit, is not the debt after'),
      );
    }
  }
  return faults;
}

function failed(row: number, field: string, value: string, reason: string) {
  return { summary: null, faults: [unreadable({ row, field, value }, reason)] };
}
