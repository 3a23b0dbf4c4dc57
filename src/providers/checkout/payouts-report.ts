import { currencyExponent } from '../../currency.ts';
import { exactMinor } from '../../decimal-amount.ts';
import { hasColumns, headerCells } from '../../header-columns.ts';
import { rawOf } from '../raw-cells.ts';
import { createReportClock } from '../report-clock.ts';
import { unreadable } from '../report-faults.ts';
import { lineBase } from '../report-lines.ts';
import { reportRows } from '../report-rows.ts';
import type { ReportItem, SettlementFormat } from '../settlement-format.ts';
import { payoutIdentity } from './action-lines.ts';

const COLUMNS = {
  payout: ['Payout ID'],
  date: ['Payout Date'],
  from: ['Reporting Start Date', null],
  to: ['Reporting End Date', null],
  currency: ['Holding Currency'],
  amount: ['Payout Amount'],
  fees: ['Merchant Payout Fees', null],
  payments: ['Payments', null],
  refunds: ['Refunds', null],
  chargebacks: ['Chargebacks', null],
  adjustments: ['Adjustments', null],
  tax: ['Tax', null],
  transfersIn: ['Transfers In', null],
  transfersOut: ['Transfers Out', null],
  entity: ['Client Entity ID', null],
  subEntity: ['Sub Entity ID', null],
  account: ['Currency Account ID', null],
} as const;

/**
 * Checkout.com's payouts: one row a payout, with its amount. Nothing else tells it: neither a webhook nor the reports of its lines. So it
 * moves the money of the payout itself, and of nothing else, whichever of those reports moves the rest.
 */
export const payouts: SettlementFormat = {
  name: 'payouts',
  title: 'Payouts report',
  role: () => 'money',
  mode: 'payout',
  roundsApart: true,
  proof:
    'None of its own: it is what the lines of financial actions or of the settlement breakdown must come to. Its columns of fees and payments are rounded each by itself and do not add up to the payout.',
  documentation: [
    'https://www.checkout.com/docs/funds-management/retrieve-financial-reports/settlement-reports/payouts-report',
  ],
  recognises: (head) =>
    hasColumns(headerCells(head), ['Payout ID', 'Payout Date', 'Payout Amount', 'Holding Currency']),
  async *read(source, context) {
    const clock = createReportClock(context.zone);
    for await (const { at, rows, faults } of reportRows(source, COLUMNS)) {
      const items: ReportItem[] = faults.map((fault) => ({ ...fault, value: null }));
      const kept = new Set(Object.values(at).filter((n) => n >= 0));
      for (const { row, cells } of rows) {
        const cell = (n: number): string => (n < 0 ? '' : (cells[n] ?? '').trim());
        const currency = cell(at.currency).toUpperCase();
        const exponent = currencyExponent(currency);
        const amount = exponent === undefined ? null : exactMinor(cell(at.amount), exponent);
        const paid = clock.read(cell(at.date));
        const payout = cell(at.payout);
        if (exponent === undefined)
          items.push(unreadable({ row, field: 'Holding Currency', value: currency }, 'must be an ISO 4217 currency'));
        else if (amount === null) {
          const where = { row, field: 'Payout Amount', value: cell(at.amount) };
          items.push(unreadable(where, `must be a decimal number with at most ${exponent} decimals`));
        } else if (paid.kind === 'fault')
          items.push(unreadable({ row, field: 'Payout Date', value: cell(at.date) }, paid.reason));
        else if (payout === '') items.push(unreadable({ row, field: 'Payout ID' }, 'must name the payout'));
        else if (amount !== 0n) {
          const base = lineBase({
            identity: payoutIdentity(payout),
            batch: payout,
            currency,
            gross: -amount,
            fee: 0n,
            tax: 0n,
            at: paid.at,
            zone: paid.zone,
            word: 'Payout',
          });
          const line = { ...base, kind: 'payout', payout } as const;
          items.push({ type: 'line', row, raw: rawOf(cells, kept), line, keys: { source: payout, bank: payout } });
          const [from, to] = [clock.read(cell(at.from)), clock.read(cell(at.to))];
          items.push({
            type: 'batch',
            batch: payout,
            currency,
            ...(from.kind === 'time' ? { from: from.at } : {}),
            ...(to.kind === 'time' ? { to: to.at } : {}),
          });
        }
      }
      if (items.length > 0) yield items;
    }
  },
};
