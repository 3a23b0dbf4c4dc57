import { exactMinor } from '../../decimal-amount.ts';
import { cellAt, hasColumns, headerCells } from '../../header-columns.ts';
import { createOwnRows, firstAccount } from '../report-accounts.ts';
import { createCurrencyReader, money, NOT_CURRENCY, NOT_DECIMAL, unreadableCell } from '../report-amount.ts';
import { BATCHES_MAX, reportRows, TOO_MANY_BATCHES } from '../report-rows.ts';
import type { ReportItem, SettlementFormat } from '../settlement-format.ts';
import { MERCHANT_ACCOUNT } from './settlement-line.ts';

const COLUMNS = {
  merchantAccount: [MERCHANT_ACCOUNT],
  batch: ['Batch Number'],
  type: ['Journal Type'],
  currency: ['Currency'],
  debits: ['Debits'],
  credits: ['Credits'],
} as const;
/** What the report was asked for: names, and values. */
const PREAMBLE_MAX = 4;

type Sum = {
  readonly merchantAccount: string;
  readonly number: string;
  readonly currency: string;
  debits: bigint;
  credits: bigint;
};

/**
 * Sums by batch, journal type and day of sale: no line of its own, but each batch's credits and debits.
 * docs.adyen.com/reporting/settlement-reconciliation/batch-level/aggregate-settlement-details-report
 */
export const aggregateSettlement: SettlementFormat = {
  name: 'aggregate_settlement',
  title: 'Aggregate settlement details report (CSV)',
  role: () => 'control',
  mode: 'batch',
  proof: 'credits are debits in each batch',
  documentation: [
    'https://docs.adyen.com/reporting/settlement-reconciliation/batch-level/aggregate-settlement-details-report',
  ],
  recognises: (head) =>
    head
      .split(/\r\n|\n|\r/)
      .slice(0, PREAMBLE_MAX + 1)
      .some((line) => hasColumns(headerCells(line), ['Batch Number', 'Journal Type', 'Debits', 'Credits'])),
  accountOf: (head) => firstAccount(head, MERCHANT_ACCOUNT, PREAMBLE_MAX),
  async *read(source, context) {
    const own = createOwnRows(context.only, MERCHANT_ACCOUNT);
    const currencyOf = createCurrencyReader();
    const sums = new Map<string, Sum>();
    for await (const { at, rows, faults, header } of reportRows(source, COLUMNS, { preamble: PREAMBLE_MAX })) {
      const items: ReportItem[] = [...faults];
      for (const { row, cells } of rows) {
        const cell = (n: number): string => cellAt(cells, n);
        const merchantAccount = cell(at.merchantAccount);
        if (!own.isOurs(merchantAccount)) continue;
        const refuse = (n: number, reason: string) =>
          items.push(unreadableCell(row, { field: header[n] ?? '', value: cell(n), reason }));
        const currency = currencyOf(cell(at.currency));
        const [debits, credits] = [at.debits, at.credits].map((n) =>
          currency === null ? null : exactMinor(cell(n) || '0', currency.exponent),
        );
        if (currency === null) refuse(at.currency, NOT_CURRENCY);
        else if (debits == null) refuse(at.debits, NOT_DECIMAL);
        else if (credits == null) refuse(at.credits, NOT_DECIMAL);
        else if (!/^\d{1,9}$/.test(cell(at.batch))) refuse(at.batch, 'must be the number of a batch');
        else {
          const number = cell(at.batch);
          const key = `${currency.code} ${merchantAccount}/${number}`;
          const sum = sums.get(key) ?? { merchantAccount, number, currency: currency.code, debits: 0n, credits: 0n };
          sum.debits += debits;
          sum.credits += credits;
          if (sums.size < BATCHES_MAX) sums.set(key, sum);
        }
      }
      if (items.length > 0) yield items;
    }
    const said: ReportItem[] = own.end();
    if (sums.size < BATCHES_MAX) said.push(...[...sums.values()].flatMap(told));
    else said.push(TOO_MANY_BATCHES);
    if (said.length > 0) yield said;
  },
};

function told({ merchantAccount, number, currency, debits, credits }: Sum): ReportItem[] {
  const batch = `${merchantAccount}/${number}`;
  const sequence = { kind: 'number', series: merchantAccount, value: Number(number) } as const;
  const stated = { type: 'batch', batch, currency, sequence } as const;
  if (debits === credits) return [stated];
  return [
    stated,
    {
      type: 'fault',
      kind: 'contradiction',
      row: null,
      field: 'Debits',
      value: money(debits, currency),
      reason: `credits and debits of the batch ${batch} are not the same`,
      batch,
      expected: money(credits, currency),
      found: money(debits, currency),
      difference: { amount: debits - credits, currency },
    },
  ];
}
