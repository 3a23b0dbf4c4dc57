import { exactMinor } from '../../decimal-amount.ts';
import { cellAt, hasColumns, headerCells } from '../../header-columns.ts';
import { startOfDay } from '../../time-zone.ts';
import { balancePeriod } from '../balance-period.ts';
import { createCurrencyReader, money, NOT_CURRENCY, NOT_DECIMAL, unreadableCell } from '../report-amount.ts';
import { reportRows } from '../report-rows.ts';
import type { ReportFault, ReportItem, SettlementFormat, StatedBatch } from '../settlement-format.ts';

/** docs.stripe.com/reports/report-types/balance: one row a category and currency. */
const COLUMNS = {
  category: ['category'],
  net: ['net_amount'],
  currency: ['currency'],
  description: ['description', null],
} as const;
/** What the rows of a currency must come to: start, activity and payouts are the end. */
const TERMS = ['starting_balance', 'activity', 'payouts', 'ending_balance'];
/** As Stripe names what is downloaded: both days belong to it. */
const PERIOD = /(\d{4}-\d{2}-\d{2})_to_(\d{4}-\d{2}-\d{2})/;
/** "Starting balance (2026-02-01)", "Ending balance (2026-02-28)": of a file that has another name. */
const DAY = /\((\d{4}-\d{2}-\d{2})\)/;
const DAY_MS = 86_400_000;

export const balanceSummary: SettlementFormat = {
  name: 'balance_summary',
  title: 'Balance summary (CSV)',
  role: () => 'control',
  // Its balances are those of the books only where an account is paid out by hand: else lines are known with their payout.
  mode: 'payout',
  proof:
    'starting balance + activity + payouts = ending balance; in mode balance its ending balance is what a report’s proof of its period is held against',
  documentation: ['https://docs.stripe.com/reports/report-types/balance'],
  recognises: (head) => hasColumns(headerCells(head), ['category', 'net_amount', 'currency']),
  async *read(source, { fileName, zone }) {
    const currencyOf = createCurrencyReader();
    const sums = new Map<string, Map<string, { amount: bigint; row: number }>>();
    const days = new Map<string, string>();
    for await (const { at, rows, faults, header } of reportRows(source, COLUMNS)) {
      const items: ReportItem[] = [...faults];
      for (const { row, cells } of rows) {
        const cell = (n: number): string => cellAt(cells, n);
        const refuse = (n: number, reason: string) =>
          items.push(unreadableCell(row, { field: header[n] ?? '', value: cell(n), reason }));
        const currency = currencyOf(cell(at.currency));
        const amount = currency === null ? null : exactMinor(cell(at.net), currency.exponent);
        const category = cell(at.category);
        if (currency === null) refuse(at.currency, NOT_CURRENCY);
        else if (amount === null) refuse(at.net, NOT_DECIMAL);
        else if (!TERMS.includes(category)) refuse(at.category, `must be one of ${TERMS.join(', ')}`);
        else {
          const terms = sums.get(currency.code) ?? new Map<string, { amount: bigint; row: number }>();
          terms.set(category, { amount: (terms.get(category)?.amount ?? 0n) + amount, row });
          sums.set(currency.code, terms);
          const day = DAY.exec(cell(at.description))?.[1];
          if (day !== undefined) days.set(category, day);
        }
      }
      if (items.length > 0) yield items;
    }
    const named = PERIOD.exec(fileName ?? '');
    const [from = '', to = ''] = named?.slice(1) ?? [days.get('starting_balance'), days.get('ending_balance')];
    const period = balancePeriod(from, to) === null ? null : periodOf(from, to, zone);
    const batch = period?.batch ?? fileName ?? 'balance_summary';
    const said = [...sums].flatMap(([currency, terms]) => summed({ batch, ...period }, currency, terms));
    if (said.length > 0) yield said;
  },
};

function periodOf(from: string, to: string, zone: string): Period {
  const after = new Date(Date.parse(`${to}T00:00:00Z`) + DAY_MS).toISOString().slice(0, 10);
  return { batch: `${from}_to_${to}`, from: startOfDay(from, zone), to: startOfDay(after, zone) - 1 };
}

type Period = Pick<StatedBatch, 'batch' | 'from' | 'to'>;

function summed(
  period: Period,
  currency: string,
  terms: ReadonlyMap<string, { readonly amount: bigint; readonly row: number }>,
): ReportItem[] {
  const amount = (name: string): bigint => terms.get(name)?.amount ?? 0n;
  const [opening, closing] = [amount('starting_balance'), amount('ending_balance')];
  const [net, payout] = [amount('activity'), amount('payouts')];
  const stated: StatedBatch = { type: 'batch', ...period, currency, opening, closing, net, payout };
  const found = opening + net + payout;
  if (found === closing) return [stated];
  const fault: ReportFault = {
    type: 'fault',
    kind: 'contradiction',
    row: terms.get('ending_balance')?.row ?? null,
    field: 'net_amount',
    value: money(closing, currency),
    reason: 'starting balance, activity and payouts do not come to the ending balance',
    batch: period.batch,
    expected: money(closing, currency),
    found: money(found, currency),
    difference: { amount: found - closing, currency },
  };
  return [stated, fault];
}
