import { currencyExponent } from '../../currency.ts';
import { type Decimal, decimal, decimalText, exactMinor, sum } from '../../decimal-amount.ts';
import { type Columns, hasColumns, headerCells } from '../../header-columns.ts';
import { wallClock } from '../../local-time.ts';
import type { SettlementLine } from '../../settlement-line.ts';
import { hashedIdentity } from '../line-identity.ts';
import { rawOf } from '../raw-cells.ts';
import { createReportClock, type ReportClock } from '../report-clock.ts';
import { contradiction, unreadable } from '../report-faults.ts';
import { lineBase } from '../report-lines.ts';
import { reportRows } from '../report-rows.ts';
import type { ReportFault, ReportItem, ReportLine, SettlementFormat } from '../settlement-format.ts';
import { createBatchRounding } from './batch-rounding.ts';
import { minus, NOTHING, plainTime, type Rounded, roundedAmounts } from './exact-amounts.ts';
import { isByAction } from './financial-actions.ts';

const COLUMNS = {
  type: ['Type'],
  payment: ['Payment ID'],
  reference: ['Reference', null],
  processed: ['Processed On'],
  available: ['Available On', null],
  currency: ['Holding Currency'],
  payout: ['Payout ID'],
  gross: ['Gross In Holding Currency'],
  deduction: ['Deduction In Holding Currency'],
  net: ['Net In Holding Currency'],
  processingFee: ['Processing Fee In Holding Currency', null],
  schemeFee: ['Scheme Fee In Holding Currency', null],
  interchange: ['Interchange In Holding Currency', null],
  tax: ['Tax In Holding Currency', null],
  reserve: ['Reserve In Holding Currency', null],
  payerCurrency: ['Processing Currency', null],
  payerGross: ['Gross In Processing Currency', null],
  rate: ['FX Rate Applied', null],
  method: ['Payment Method', null],
  entity: ['Client Entity ID', null],
  channel: ['Processing Channel ID', null],
} as const;

type Places = Columns<typeof COLUMNS>;

/**
 * Checkout.com's settlement breakdown: a row for each movement of one payout, with what was deducted from it. Where an account has
 * the financial actions, those move its money: they name each refund by its action, this report by the payment only.
 */
export const settlementBreakdown: SettlementFormat = {
  name: 'settlement_breakdown',
  title: 'Settlement breakdown report',
  role: (settings) => (isByAction({ settings }) ? 'control' : 'money'),
  mode: 'payout',
  roundsApart: true,
  proof:
    'Row by row: gross + deduction = net, and the deduction is its fees, tax and reserve where it has any of them. It does not state its payout, which the payouts report does; the rows come to it within half a minor unit each.',
  documentation: [
    'https://www.checkout.com/docs/funds-management/retrieve-financial-reports/settlement-reports/settlement-breakdown-report',
  ],
  recognises: (head) =>
    hasColumns(headerCells(head), [
      'Payment ID',
      'Payout ID',
      'Net In Holding Currency',
      'Deduction In Holding Currency',
    ]),
  async *read(source, context) {
    const clock = createReportClock(context.zone);
    const rounding = createBatchRounding();
    for await (const { at, rows, faults } of reportRows(source, COLUMNS)) {
      const items: ReportItem[] = faults.map((fault) => ({ ...fault, value: null }));
      const kept = new Set(Object.values(at).filter((n) => n >= 0));
      for (const { row, cells } of rows) {
        for (const item of readRow(row, cells, at, clock, rawOf(cells, kept))) {
          items.push(item);
          if (item.type === 'line') rounding.add(item, currencyExponent(item.line.currency) ?? 0);
        }
      }
      if (items.length > 0) yield items;
    }
    const rest = rounding.end();
    if (rest.length > 0) yield rest;
  },
};

function readRow(row: number, cells: readonly string[], at: Places, clock: ReportClock, raw: string): ReportItem[] {
  const cell = (n: number): string => (n < 0 ? '' : (cells[n] ?? '').trim());
  const fault = (field: string, value: string, reason: string): ReportFault[] => [
    unreadable({ row, field, value }, reason),
  ];
  const currency = cell(at.currency).toUpperCase();
  const exponent = currencyExponent(currency);
  if (exponent === undefined)
    return fault('Holding Currency', currency, 'must be an ISO 4217 currency with known decimals');
  const numbers: Record<string, Decimal> = {};
  for (const name of NUMBERS) {
    const text = cell(at[name]);
    const value = text === '' && !REQUIRED.has(name) ? NOTHING : decimal(text);
    if (value === null) return fault(COLUMNS[name][0], text, 'must be a decimal number, such as -1.25');
    numbers[name] = value;
  }
  const { gross = NOTHING, deduction = NOTHING, net = NOTHING, tax = NOTHING, reserve = NOTHING, ...fees } = numbers;
  const batch = cell(at.payout);
  if (batch === '') return fault('Payout ID', '', 'must name the payout');
  const written = plainTime(cell(at.processed));
  const processed = clock.read(written);
  if (processed.kind === 'fault') return fault('Processed On', cell(at.processed), processed.reason);
  const items: ReportItem[] = [];
  if (difference(net, gross, deduction).units !== 0n) {
    const where = { row, field: 'Net In Holding Currency', batch, expected: decimalText(net) };
    const found = decimalText(sum(gross, deduction));
    items.push(contradiction({ ...where, found }, 'Gross and deduction do not come to the net'));
  }
  const parts = [...Object.values(fees), tax, reserve];
  if (parts.some(({ units }) => units !== 0n) && difference(deduction, ...parts).units !== 0n) {
    const where = { row, field: 'Deduction In Holding Currency', batch, expected: decimalText(deduction) };
    const found = decimalText(sum(...parts));
    items.push(contradiction({ ...where, found }, 'Fees, tax and reserve do not come to the deduction'));
  }
  const fee = minus(difference(deduction, tax, reserve));
  const main = roundedAmounts({ gross, fee, tax: minus(tax) }, exponent);
  const held = roundedAmounts({ gross: reserve, fee: NOTHING, tax: NOTHING }, exponent);
  if (main === null || held === null)
    return fault('Gross In Holding Currency', cell(at.gross), 'is more than 64 bits can hold');
  const payer = payerOf(cell(at.payerGross), cell(at.payerCurrency).toUpperCase(), currency, main);
  if (payer === null)
    return fault('Gross In Processing Currency', cell(at.payerGross), 'must be an amount in an ISO 4217 currency');
  const available = clock.read(plainTime(cell(at.available)));
  const told = { row, raw, availableAt: available.kind === 'time' ? available.at : undefined };
  const word = cell(at.type);
  const payment = cell(at.payment);
  const when = { at: processed.at, zone: processed.zone, wall: String(wallClock(written)) };
  const keys = { batch, currency, word, payment, ...when, merchant: cell(at.reference) };
  const extra = { rate: cell(at.rate), method: cell(at.method) };
  if (main.gross !== 0n || main.fee !== 0n || main.tax !== 0n || main.residue !== undefined || reserve.units === 0n)
    items.push(itemOf(told, mainLine(keys, main, payer), keys, main.residue, extra));
  if (reserve.units !== 0n) items.push(itemOf(told, holdLine(keys, held), keys, held.residue, {}));
  return items;
}

const NUMBERS = ['gross', 'deduction', 'net', 'processingFee', 'schemeFee', 'interchange', 'tax', 'reserve'] as const;
const REQUIRED: ReadonlySet<string> = new Set(['gross', 'deduction', 'net']);

function difference(from: Decimal, ...parts: readonly Decimal[]): Decimal {
  return sum(from, ...parts.map(minus));
}

type Keys = {
  readonly batch: string;
  readonly currency: string;
  readonly word: string;
  readonly payment: string;
  readonly at: number;
  readonly zone: string;
  /** The time as it is written: which moment that is, the account's `time_zone` says, and a line is known by its report alone. */
  readonly wall: string;
  readonly merchant: string;
};

type Payer = { readonly payer?: { readonly amount: bigint; readonly currency: string } };

function mainLine(keys: Keys, sums: Rounded, payer: Payer): SettlementLine {
  const { batch, currency, word, payment, at, zone, wall } = keys;
  const { gross, fee, tax } = sums;
  const identity = hashedIdentity('breakdown', batch, word, payment, wall, currency, gross, fee, tax);
  const base = lineBase({ identity, batch, currency, gross, fee, tax, at, zone, word });
  const isCost = gross === 0n;
  // Tokens, account updates and payout fees are of no payment that a webhook tells.
  if (payment === '' || (isCost && !/charge|capture|payment|refund|void|auth|verif|dispute/i.test(word)))
    return isCost ? { ...base, kind: 'fee' } : { ...base, kind: NO_PAYMENT[word.toLowerCase()] ?? 'other' };
  const name = word.toLowerCase();
  if (name.startsWith('chargeback') || name.startsWith('dispute'))
    return { ...base, kind: gross > 0n ? 'chargeback_reversal' : 'chargeback', reference: payment, ...payer };
  if (name.includes('refund'))
    return { ...base, kind: gross > 0n ? 'refund_reversal' : 'refund', reference: payment, ...payer };
  if (isCost || /charge|capture|payment|clearing failed/.test(name))
    return { ...base, kind: 'charge', reference: payment, ...payer };
  return { ...base, kind: /payout|pay to/.test(name) ? 'transfer' : 'other', reference: payment, ...payer };
}

const NO_PAYMENT: Readonly<Record<string, 'adjustment'>> = {
  adjustment: 'adjustment',
  'cover negative position': 'adjustment',
  'invoice settlement': 'adjustment',
  'transfer in': 'adjustment',
  'transfer out': 'adjustment',
};

function holdLine({ batch, currency, word, payment, at, zone, wall }: Keys, { gross }: Rounded): SettlementLine {
  const hold = payment === '' ? word : payment;
  const identity = hashedIdentity('reserve', batch, word, hold, wall, currency, gross);
  const base = lineBase({ identity, batch, currency, gross, fee: 0n, tax: 0n, at, zone, word });
  return { ...base, kind: gross > 0n ? 'reserve_release' : 'reserve_hold', hold };
}

function itemOf(
  { row, raw, availableAt }: { row: number; raw: string; availableAt: number | undefined },
  line: SettlementLine,
  { payment, merchant }: Keys,
  residue: string | undefined,
  { rate = '', method = '' }: { rate?: string; method?: string },
): ReportLine {
  return {
    type: 'line',
    row,
    raw,
    line,
    keys: { ...(payment === '' ? {} : { payment }), ...(merchant === '' ? {} : { merchant }) },
    ...(availableAt === undefined ? {} : { availableAt }),
    ...(residue === undefined ? {} : { residue }),
    ...(rate === '' || rate === '1' ? {} : { fxRate: rate }),
    ...(method === '' ? {} : { paymentMethod: method }),
  };
}

/** What the payer paid, where that is in another currency; null where it cannot be read. */
function payerOf(text: string, currency: string, held: string, { gross }: Rounded): Payer | null {
  if (currency === '' || currency === held || text === '' || gross === 0n) return {};
  const exponent = currencyExponent(currency);
  const amount = exponent === undefined ? null : exactMinor(text, exponent);
  return amount === null ? null : { payer: { amount, currency } };
}
