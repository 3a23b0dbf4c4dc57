import { currencyExponent } from '../../currency.ts';
import { decimal, exactMinor } from '../../decimal-amount.ts';
import { hasColumns, headerCells } from '../../header-columns.ts';
import { UNBATCHED } from '../../settlement-line.ts';
import { rawOf } from '../raw-cells.ts';
import { createReportClock } from '../report-clock.ts';
import { unreadable } from '../report-faults.ts';
import { reportRows } from '../report-rows.ts';
import type { ReportContext, ReportFault, ReportItem, SettlementFormat } from '../settlement-format.ts';
import { type ActionRow, createActionLines } from './action-lines.ts';
import { plainTime } from './exact-amounts.ts';

/** What else an account may have switched on (names, card numbers) is left out of `raw`. */
const COLUMNS = {
  actionType: ['Action Type'],
  action: ['Action ID'],
  payment: ['Payment ID'],
  requested: ['Requested On', null],
  processed: ['Processed On'],
  processedUtc: ['Processed On UTC', null],
  zone: ['Timezone', null],
  payerCurrency: ['Processing Currency'],
  currency: ['Holding Currency'],
  payout: ['Payout ID'],
  breakdown: ['Breakdown Type'],
  payerAmount: ['Processing Currency Amount'],
  amount: ['Holding Currency Amount'],
  rate: ['FX Rate Applied', null],
  reference: ['Reference', null],
  method: ['Payment Method', null],
  entity: ['Client Entity ID', 'Entity ID', null],
  subEntity: ['Sub Entity ID', null],
  account: ['Currency Account ID', null],
  channel: ['Processing Channel ID', null],
} as const;

/** Whether the account says that this report moves its money, and not the settlement breakdown. */
export const isByAction = ({ settings }: Pick<ReportContext, 'settings'>): boolean =>
  settings.settlement_report !== 'settlement_breakdown';

/**
 * Checkout.com's financial actions: a row for each breakdown of each action on a payment (the capture, its scheme fee, its
 * interchange …), of which only the holding currency's amounts add up to the payout.
 */
export const financialActions: SettlementFormat = {
  name: 'financial_actions',
  title: 'Financial actions report',
  role: (settings) => (isByAction({ settings }) ? 'money' : 'control'),
  mode: 'payout',
  roundsApart: true,
  proof:
    'None of its own: it does not state its payout, which the payouts report does. Where a row is the payout, the others come to it within half a minor unit a line.',
  documentation: [
    'https://www.checkout.com/docs/funds-management/retrieve-financial-reports/settlement-reports/financial-actions-by-payout-id-report',
    'https://www.checkout.com/docs/funds-management/reconcile-with-checkout-com/breakdown-types',
  ],
  recognises: (head) => hasColumns(headerCells(head), ['Action ID', 'Breakdown Type', 'Holding Currency Amount']),
  async *read(source, context) {
    const clock = createReportClock(context.zone);
    const lines = createActionLines();
    for await (const { at, rows, faults } of reportRows(source, COLUMNS)) {
      const items: ReportItem[] = faults.map((fault) => ({ ...fault, value: null }));
      const kept = new Set(Object.values(at).filter((n) => n >= 0));
      for (const { row, cells } of rows) {
        const read = readRow(row, cells, at, clock);
        if ('kind' in read) items.push(read);
        else items.push(...lines.take({ ...read, raw: rawOf(cells, kept) }));
      }
      if (items.length > 0) yield items;
    }
    const rest = lines.end();
    if (rest.length > 0) yield rest;
  },
};

function readRow(
  row: number,
  cells: readonly string[],
  at: Readonly<Record<keyof typeof COLUMNS, number>>,
  clock: ReturnType<typeof createReportClock>,
): Omit<ActionRow, 'raw'> | ReportFault {
  const cell = (n: number): string => (n < 0 ? '' : (cells[n] ?? '').trim());
  const fault = (field: string, value: string, reason: string): ReportFault =>
    unreadable({ row, field, value }, reason);
  const currency = cell(at.currency).toUpperCase();
  const exponent = currencyExponent(currency);
  if (exponent === undefined)
    return fault('Holding Currency', currency, 'must be an ISO 4217 currency with known decimals');
  const amount = decimal(cell(at.amount));
  if (amount === null)
    return fault('Holding Currency Amount', cell(at.amount), 'must be a decimal number, such as -1.25');
  const action = cell(at.action);
  if (action === '') return fault('Action ID', '', 'must name the action');
  if (cell(at.breakdown) === '') return fault('Breakdown Type', '', 'must say what of the action it is');
  const payer = payerOf(cell(at.payerAmount), cell(at.payerCurrency).toUpperCase(), currency);
  if (payer === null) {
    const value = `${cell(at.payerAmount)} ${cell(at.payerCurrency)}`;
    return fault('Processing Currency Amount', value, 'must be a decimal number in an ISO 4217 currency');
  }
  const utc = cell(at.processedUtc);
  const processed =
    utc === '' ? clock.read(plainTime(cell(at.processed)), cell(at.zone)) : clock.read(plainTime(utc), 'UTC');
  if (processed.kind === 'fault') return fault('Processed On', utc || cell(at.processed), processed.reason);
  const requested = clock.read(plainTime(cell(at.requested)), cell(at.zone));
  return {
    row,
    actionType: cell(at.actionType),
    action,
    breakdown: cell(at.breakdown),
    payment: cell(at.payment),
    batch: cell(at.payout) || UNBATCHED,
    currency,
    exponent,
    amount,
    payer,
    rate: cell(at.rate),
    merchant: cell(at.reference),
    method: cell(at.method),
    at: processed.at,
    zone: utc === '' ? processed.zone : clockZone(clock),
    requestedAt: requested.kind === 'time' ? requested.at : undefined,
  };
}

function clockZone(clock: ReturnType<typeof createReportClock>): string {
  const read = clock.read('2026-01-01');
  return read.kind === 'time' ? read.zone : 'UTC';
}

/** What it was in the payer's currency, where that is another one; undefined where it is not, null where it cannot be read. */
function payerOf(text: string, currency: string, held: string): ActionRow['payer'] | null {
  if (currency === '' || currency === held || text === '') return undefined;
  const exponent = currencyExponent(currency);
  if (exponent === undefined || decimal(text) === null) return null;
  return { amount: exactMinor(text, exponent), currency };
}
