import { smallMinor } from '../../decimal-amount.ts';
import { cellAt, hasColumns, headerCells } from '../../header-columns.ts';
import { createCurrencyReader, money, NOT_CURRENCY, NOT_DECIMAL, unreadableCell } from '../report-amount.ts';
import { reportRows } from '../report-rows.ts';
import type { ReportFault, ReportItem, SettlementFormat, StatedBatch } from '../settlement-format.ts';

/** docs.stripe.com/reports/report-types/balance: one row a category and currency. */
const COLUMNS = { category: ['category'], net: ['net_amount'], currency: ['currency'] } as const;
/** What the rows of a currency must come to: start, activity and payouts are the end. */
const TERMS = ['starting_balance', 'activity', 'payouts', 'ending_balance'];
/** As Stripe names what is downloaded; the rows do not say which period they are of. */
const PERIOD = /(\d{4}-\d{2}-\d{2})_to_(\d{4}-\d{2}-\d{2})/;

export const balanceSummary: SettlementFormat = {
  name: 'balance_summary',
  title: 'Balance summary (CSV)',
  role: () => 'control',
  mode: 'balance',
  proof: 'starting balance + activity + payouts = ending balance',
  documentation: ['https://docs.stripe.com/reports/report-types/balance'],
  recognises: (head) => hasColumns(headerCells(head), ['category', 'net_amount', 'currency']),
  async *read(source, { fileName }) {
    const currencyOf = createCurrencyReader();
    const sums = new Map<string, Map<string, { amount: bigint; row: number }>>();
    for await (const { at, rows, faults, header } of reportRows(source, COLUMNS)) {
      const items: ReportItem[] = [...faults];
      for (const { row, cells } of rows) {
        const cell = (n: number): string => cellAt(cells, n);
        const refuse = (n: number, reason: string) =>
          items.push(unreadableCell(row, { field: header[n] ?? '', value: cell(n), reason }));
        const currency = currencyOf(cell(at.currency));
        const amount = currency === null ? null : smallMinor(cell(at.net), currency.exponent);
        const category = cell(at.category);
        if (currency === null) refuse(at.currency, NOT_CURRENCY);
        else if (amount === null) refuse(at.net, NOT_DECIMAL);
        else if (!TERMS.includes(category)) refuse(at.category, `must be one of ${TERMS.join(', ')}`);
        else {
          const terms = sums.get(currency.code) ?? new Map<string, { amount: bigint; row: number }>();
          terms.set(category, { amount: (terms.get(category)?.amount ?? 0n) + BigInt(amount), row });
          sums.set(currency.code, terms);
        }
      }
      if (items.length > 0) yield items;
    }
    const batch = PERIOD.exec(fileName ?? '')?.[0] ?? fileName ?? 'balance_summary';
    const said = [...sums].flatMap(([currency, terms]) => summed(batch, currency, terms));
    if (said.length > 0) yield said;
  },
};

function summed(
  batch: string,
  currency: string,
  terms: ReadonlyMap<string, { readonly amount: bigint; readonly row: number }>,
): ReportItem[] {
  const amount = (name: string): bigint => terms.get(name)?.amount ?? 0n;
  const [opening, closing] = [amount('starting_balance'), amount('ending_balance')];
  const stated: StatedBatch = { type: 'batch', batch, currency, opening, closing };
  const found = opening + amount('activity') + amount('payouts');
  if (found === closing) return [stated];
  const fault: ReportFault = {
    type: 'fault',
    kind: 'contradiction',
    row: terms.get('ending_balance')?.row ?? null,
    field: 'net_amount',
    value: money(closing, currency),
    reason: 'starting balance, activity and payouts do not come to the ending balance',
    batch,
    expected: money(closing, currency),
    found: money(found, currency),
    difference: { amount: found - closing, currency },
  };
  return [stated, fault];
}
