import type { CsvRow } from '../../csv-rows.ts';
import { smallMinor } from '../../decimal-amount.ts';
import type { Columns } from '../../header-columns.ts';
import { createRawRow } from '../raw-row.ts';
import {
  type CellFault,
  createCurrencyReader,
  decimalOrZero,
  money,
  NOT_CURRENCY,
  NOT_DECIMAL,
  type SplitAmount,
  splitAmount,
  unreadableCell,
} from '../report-amount.ts';
import { createReportClock } from '../report-clock.ts';
import { createDays } from '../report-day.ts';
import type { ReportContext, ReportFault, ReportItem, ReportLine } from '../settlement-format.ts';
import { categoryRule } from './settlement-kinds.ts';
import { stripeLines } from './settlement-line.ts';

/**
 * Columns of Stripe's itemised reports; which are in a file is chosen when it is run, and each time may have a twin in UTC.
 * docs.stripe.com/reports/report-types/payout-reconciliation, /reports/report-types/balance
 */
export const STRIPE_COLUMNS = {
  id: ['balance_transaction_id'],
  created: ['created', 'created_utc', 'effective_at', 'effective_at_utc'],
  createdUtc: ['created_utc', 'effective_at_utc', null],
  available: ['available_on', 'available_on_utc', 'payout_expected_arrival_date', null],
  availableUtc: ['available_on_utc', null],
  chargeCreated: ['charge_created', null],
  chargeCreatedUtc: ['charge_created_utc', null],
  currency: ['currency'],
  gross: ['gross'],
  fee: ['fee'],
  net: ['net'],
  category: ['reporting_category'],
  payout: ['automatic_payout_id', null],
  source: ['source_id', 'payout_id', null],
  charge: ['charge_id', null],
  intent: ['payment_intent_id', null],
  facingAmount: ['customer_facing_amount', null],
  facingCurrency: ['customer_facing_currency', null],
  method: ['payment_method_type', null],
  order: ['payment_metadata[order_id]', 'order_id', 'invoice_number', 'invoice_id', null],
  trace: ['trace_id', null],
} as const;

export type StripeColumns = Columns<typeof STRIPE_COLUMNS>;

/** Batch of lines that no automatic payout has taken yet, in mode `payout`. */
const UNPAID = 'unpaid';

const PERSONAL =
  /^(customer_(name|email|phone|description|address_.*|shipping_.*)|(shipping|card|billing)_(address_.*|name|phone))$/i;
const PAYER_KINDS = new Set(['charge', 'refund', 'refund_reversal', 'chargeback', 'chargeback_reversal']);

/** Reads rows of one file one after the other: lines, and faults where they cannot be read or contradict themselves. */
export function createStripeRows(
  at: StripeColumns,
  header: readonly string[],
  context: ReportContext,
): (row: CsvRow, items: ReportItem[]) => ReportLine | null {
  const clock = createReportClock(context.zone);
  const utc = createReportClock('UTC');
  const dayOf = createDays(context.zone);
  const currencyOf = createCurrencyReader();
  const rawOf = createRawRow(header, (name) => PERSONAL.test(name));
  const byPeriod = context.mode === 'balance';

  function time(cells: readonly string[], plain: number, inUtc: number) {
    return inUtc >= 0 ? utc.read(cells[inUtc] ?? '') : clock.read(cells[plain] ?? '');
  }

  function optionalTime(cells: readonly string[], plain: number, inUtc: number): number | undefined {
    if (plain < 0 && inUtc < 0) return undefined;
    const read = time(cells, plain, inUtc);
    return read.kind === 'time' ? read.at : undefined;
  }

  /** Appends what the row says to `items`; the line itself, or null where it cannot be read. */
  return (row, items) => {
    const { cells } = row;
    const cell = (n: number): string => cells[n] ?? '';
    const refuse = (column: number, reason: string): null => {
      items.push(unreadableCell(row.row, { field: header[column] ?? '', value: cell(column), reason }));
      return null;
    };
    const id = cell(at.id);
    if (id === '') return refuse(at.id, 'must be the id of a balance transaction');
    const currency = currencyOf(cell(at.currency));
    if (currency === null) return refuse(at.currency, NOT_CURRENCY);
    const amount = amountOf(cells, at, header, currency);
    if ('field' in amount) {
      items.push(unreadableCell(row.row, amount));
      return null;
    }
    const created = time(cells, at.created, at.createdUtc);
    if (created.kind === 'fault') return refuse(at.createdUtc >= 0 ? at.createdUtc : at.created, created.reason);
    const category = cell(at.category);
    const payer = PAYER_KINDS.has(categoryRule(category).kind)
      ? payerOf(cells, at, header, currency.code, amount.gross)
      : undefined;
    if (payer !== undefined && 'field' in payer) {
      items.push(unreadableCell(row.row, payer));
      return null;
    }
    const source = cell(at.source);
    const batch = byPeriod
      ? dayOf(created.at)
      : cell(at.payout) || (category.startsWith('payout') ? source : '') || UNPAID;
    const lines = stripeLines({
      id,
      category,
      source,
      charge: cell(at.charge),
      batch,
      currency: currency.code,
      gross: amount.gross,
      fee: amount.fee,
      net: amount.net,
      at: created.at,
      zone: context.zone,
      ...(payer === undefined ? {} : { payer }),
    });
    if (amount.stated !== undefined) items.push(netFault(row.row, batch, amount, amount.stated, currency.code));
    const availableAt = optionalTime(cells, at.available, at.availableUtc);
    const occurredAt = optionalTime(cells, at.chargeCreated, at.chargeCreatedUtc);
    const payment = cell(at.charge) || cell(at.intent);
    const merchant = cell(at.order);
    const bank = cell(at.trace);
    const method = cell(at.method);
    const raw = rawOf(row);
    let first: ReportLine | null = null;
    for (const line of lines) {
      const item: ReportLine = {
        type: 'line',
        row: row.row,
        raw,
        line,
        keys: {
          source: source || id,
          ...(payment === '' ? undefined : { payment }),
          ...(merchant === '' ? undefined : { merchant }),
          ...(bank === '' ? undefined : { bank }),
        },
        ...(occurredAt === undefined ? undefined : { occurredAt }),
        ...(availableAt === undefined ? undefined : { availableAt }),
        ...(amount.residue === undefined ? undefined : { residue: amount.residue }),
        ...(method === '' ? undefined : { paymentMethod: method }),
      };
      first ??= item;
      items.push(item);
    }
    return first;
  };
}

type Currency = { readonly code: string; readonly exponent: number };
/** `stated`: the report's own net, where it is not gross − fee. */
type RowAmount = SplitAmount & { readonly stated?: { readonly gross: bigint } };

/**
 * What moved the balance is net. Where gross − fee is not that, the row contradicts itself, and gross is taken for what is to
 * be explained.
 */
function amountOf(
  cells: readonly string[],
  at: StripeColumns,
  header: readonly string[],
  { exponent }: Currency,
): RowAmount | CellFault {
  const gross = smallMinor(cells[at.gross] ?? '', exponent);
  const fee = smallMinor(cells[at.fee] ?? '', exponent);
  const net = smallMinor(cells[at.net] ?? '', exponent);
  if (gross !== null && fee !== null && net !== null && gross - fee === net)
    return { gross: BigInt(gross), fee: BigInt(fee), net: BigInt(net), residue: undefined };
  const exact = [at.gross, at.fee, at.net].map((column) => decimalOrZero(cells[column] ?? ''));
  const [g, f, n] = exact;
  if (g == null || f == null || n == null || cells[at.net] === '') {
    const wrong = g == null ? at.gross : f == null ? at.fee : at.net;
    return { field: header[wrong] ?? '', value: cells[wrong] ?? '', reason: NOT_DECIMAL };
  }
  const split = splitAmount(g, f, exponent);
  const own = splitAmount(n, { units: 0n, scale: 0 }, exponent);
  if (split === null || own === null)
    return { field: header[at.gross] ?? '', value: cells[at.gross] ?? '', reason: 'is too large to be kept' };
  // Digits below the minor unit may round to a net one off: what was left over says so.
  const difference = own.net - split.net;
  if (
    difference === 0n ||
    ((split.residue !== undefined || own.residue !== undefined) && difference >= -1n && difference <= 1n)
  )
    return split;
  return { ...own, gross: own.net + split.fee, fee: split.fee, stated: { gross: split.gross } };
}

function netFault(
  row: number,
  batch: string,
  { fee, net }: SplitAmount,
  { gross }: { readonly gross: bigint },
  currency: string,
): ReportFault {
  return {
    type: 'fault',
    kind: 'contradiction',
    row,
    field: 'net',
    value: money(net, currency),
    reason: `net is not gross ${money(gross, currency)} − fee ${money(fee, currency)}`,
    batch,
    expected: money(gross - fee, currency),
    found: money(net, currency),
  };
}

/** What was paid in another currency; undefined where it was the same, or the file does not say. */
function payerOf(
  cells: readonly string[],
  at: StripeColumns,
  header: readonly string[],
  currency: string,
  gross: bigint,
): { readonly amount: bigint; readonly currency: string } | CellFault | undefined {
  const text = cells[at.facingCurrency] ?? '';
  if (text === '' || text.toUpperCase() === currency) return undefined;
  const paid = createCurrencyReader()(text);
  if (paid === null) return { field: header[at.facingCurrency] ?? '', value: text, reason: NOT_CURRENCY };
  const value = cells[at.facingAmount] ?? '';
  const minor = smallMinor(value, paid.exponent);
  if (minor === null)
    return {
      field: header[at.facingAmount] ?? 'customer_facing_amount',
      value,
      reason: `must be what the payer paid in ${paid.code}, such as 12.34`,
    };
  const amount = BigInt(Math.abs(minor));
  return { amount: gross < 0n ? -amount : amount, currency: paid.code };
}
