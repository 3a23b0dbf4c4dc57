import { currencyExponent } from '../../currency.ts';
import { exactMinor } from '../../decimal-amount.ts';
import { type Columns, headerCells, isHeaderOf } from '../../header-columns.ts';
import { rawOf } from '../raw-cells.ts';
import { createReportClock } from '../report-clock.ts';
import { contradiction, unreadable } from '../report-faults.ts';
import { reportRows } from '../report-rows.ts';
import type { ReportContext, ReportItem, SettlementFormat } from '../settlement-format.ts';
import { ACTIVITY_COLUMNS, TYPE_CODES } from './activity-columns.ts';
import { createLocalNumbers, type DayOrder, dayOrder, isoDay } from './activity-numbers.ts';
import { dayBatch } from './report-time.ts';
import { createRunningBalance } from './running-balance.ts';
import { transactionLines } from './transaction-lines.ts';
import { hundredthsOf, type TransactionRow } from './transaction-row.ts';

/**
 * What people download from PayPal's site: the activity or the monthly statement, in the account's language. Its times and amounts
 * are written as people there write them, and its types are words for people: it proves nothing that the settlement report does
 * not, but it is what everybody has at hand.
 */
export const activity: SettlementFormat = {
  name: 'activity',
  title: 'Activity download or monthly statement of the site',
  role: () => 'control',
  mode: 'balance',
  proof:
    'Row by row: gross + fee = net; by currency each balance is the one before with the row’s net, where it has that column.',
  documentation: ['https://www.paypal.com/us/cshelp/article/how-do-i-view-and-download-statements-and-reports-help145'],
  recognises: (head) => isHeaderOf(headerCells(head) ?? [], ACTIVITY_COLUMNS),
  async *read(source, context) {
    const reader = createReader(context);
    for await (const { at, rows, faults } of reportRows(source, ACTIVITY_COLUMNS)) {
      // Without what stood there: it may be anybody's name and address.
      const items: ReportItem[] = faults.map((fault) => ({ ...fault, value: null }));
      for (const { row, cells } of rows) reader.take(row, cells, at, items);
      if (items.length > 0) yield items;
    }
    const rest = reader.end();
    if (rest.length > 0) yield rest;
  },
};

type Waiting = {
  readonly row: number;
  readonly cells: readonly string[];
  readonly at: Columns<typeof ACTIVITY_COLUMNS>;
};

/** Rows whose day can be read in two ways wait for one that can be read in one only. */
const WAITING_MAX = 20_000;

function createReader(context: ReportContext) {
  const clock = createReportClock(context.zone);
  const numbers = createLocalNumbers();
  const running = createRunningBalance();
  let order: DayOrder | null = null;
  let waiting: Waiting[] = [];

  function take(row: number, cells: readonly string[], at: Waiting['at'], items: ReportItem[]): void {
    order ??= dayOrder(cells[at.date] ?? '');
    if (order === null && waiting.length < WAITING_MAX) {
      waiting.push({ row, cells, at });
      return;
    }
    release(items);
    readRow({ row, cells, at }, items);
  }

  function release(items: ReportItem[]): void {
    for (const one of waiting) readRow(one, items);
    waiting = [];
  }

  function readRow({ row, cells, at }: Waiting, items: ReportItem[]): void {
    const cell = (n: number): string => (n < 0 ? '' : (cells[n] ?? '').trim());
    const day = order === null ? null : isoDay(cell(at.date), order);
    if (day === null) {
      const reason = order === null ? TWO_WAYS : 'must be a day, written as in the rows before';
      items.push(unreadable({ row, field: 'Date', value: cell(at.date) }, reason));
      return;
    }
    const booked = clock.read(`${day} ${cell(at.time) || '00:00:00'}`, cell(at.zone));
    if (booked.kind === 'fault') {
      items.push(unreadable({ row, field: 'Time', value: `${cell(at.time)} ${cell(at.zone)}` }, booked.reason));
      return;
    }
    const currency = cell(at.currency).toUpperCase();
    const exponent = currencyExponent(currency);
    if (exponent === undefined) {
      items.push(unreadable({ row, field: 'Currency', value: currency }, 'must be an ISO 4217 currency'));
      return;
    }
    const amounts: Record<string, bigint> = {};
    for (const name of ['gross', 'fee', 'net', 'balance'] as const) {
      const text = cell(at[name]);
      if (text === '' && (name === 'fee' || name === 'balance')) continue;
      const read = numbers.read(text);
      const minor = 'decimal' in read ? exactMinor(read.decimal, exponent) : null;
      if (minor === null) {
        const reason = 'reason' in read ? read.reason : `has more decimals than ${currency}`;
        items.push(unreadable({ row, field: ACTIVITY_COLUMNS[name][0], value: text }, reason));
        return;
      }
      amounts[name] = minor;
    }
    const { gross = 0n, fee = 0n, net = 0n, balance } = amounts;
    if (gross + fee !== net) {
      const where = { row, field: 'Net', currency, expected: net, found: gross + fee };
      items.push(contradiction(where, 'Gross and fee do not come to the net, in minor units'));
    }
    // Orders, authorisations and the like: told, and of no consequence.
    if (/^memo$/i.test(cell(at.impact))) return;
    if (balance !== undefined) running.take(row, currency, net, balance);
    const section = { batch: dayBatch(day, booked.zone), zone: booked.zone };
    const told = rowOf({ row, at: booked.at, currency, gross, fee, exponent }, cell, at);
    const places: readonly number[] = Object.values(at);
    const lines = transactionLines(told, section, rawOf(cells, new Set(places.filter((n) => n >= 0))));
    if ('type' in lines) items.push(lines);
    else items.push(...lines);
  }

  return {
    take,
    end(): readonly ReportItem[] {
      const items: ReportItem[] = [];
      release(items);
      return [...items, ...running.end()];
    },
  };
}

const TWO_WAYS =
  'can be read with the day or with the month first, as every day of this file: download a longer period, or dates with the year first';

type Told = {
  readonly row: number;
  readonly at: number;
  readonly currency: string;
  readonly exponent: number;
  readonly gross: bigint;
  readonly fee: bigint;
};

/** As the settlement report would have it, so that both say the same of a transaction. */
function rowOf(told: Told, cell: (n: number) => string, at: Waiting['at']): TransactionRow {
  const { row, currency, gross, fee, exponent } = told;
  const type = cell(at.type);
  const code = cell(at.code).toUpperCase() || (TYPE_CODES.find(([begins]) => begins.test(type))?.[1] ?? type);
  return {
    type: 'row',
    row,
    transaction: cell(at.transaction),
    reference: cell(at.reference),
    referenceType: 'TXN',
    code,
    isCredit: gross >= 0n,
    amount: hundredthsOf(gross, exponent),
    currency,
    // A fee that is taken is written below zero.
    feeIsCredit: fee > 0n,
    fee: hundredthsOf(fee, exponent),
    feeCurrency: currency,
    status: '',
    at: told.at,
    begun: null,
    invoice: cell(at.invoice),
    custom: '',
    bank: cell(at.bank),
  };
}
