import { exactMinor } from '../../decimal-amount.ts';
import type { Columns } from '../../header-columns.ts';
import type { SettlementLine } from '../../settlement-line.ts';
import { hashedIdentity } from '../line-identity.ts';
import { unreadable } from '../report-faults.ts';
import { lineBase } from '../report-lines.ts';
import type { ReportFault, ReportLine } from '../settlement-format.ts';
import type { Summary, Total } from './settlement-summary.ts';
import { fileTime } from './settlement-time.ts';

export const ROW_COLUMNS = {
  type: ['type'],
  amount: ['amount'],
  order: ['order_id'],
  captured: ['capture_date'],
  sold: ['sale_date', null],
  shortOrder: ['short_order_id', null],
  capture: ['capture_id', null],
  refund: ['refund_id', null],
  reference1: ['merchant_reference1', null],
  reference2: ['merchant_reference2', null],
  captureReference: ['merchant_capture_reference', null],
  refundReference: ['merchant_refund_reference', null],
  currency: ['posting_currency', null],
  purchaseCountry: ['purchase_country', null],
  shippingCountry: ['shipping_country', null],
  vatRate: ['vat_rate', null],
  vat: ['vat_amount', null],
  method: ['initial_payment_method_type', null],
  detail: ['detailed_type', null],
  reversal: ['reversal_reference', null],
} as const;

export type RowColumns = Columns<typeof ROW_COLUMNS>;

type Kind = 'sale' | 'return' | 'reversal' | 'protection' | 'cost' | 'tax' | 'held' | 'adjustment' | 'other';

/** Amounts have no sign: the type says which way. `total` is where the summary counts it, `share` its sign there. */
type Meaning = { readonly kind: Kind; readonly sign: 1n | -1n; readonly total: Total | null; readonly share: 1n | -1n };

const meaning = (kind: Kind, sign: 1n | -1n, total: Total | null, share: 1n | -1n = 1n): Meaning => ({
  kind,
  sign,
  total,
  share,
});

const TYPES: Readonly<Record<string, Meaning>> = {
  SALE: meaning('sale', 1n, 'total_sale_amount'),
  RETURN: meaning('return', -1n, 'total_return_amount'),
  // Given back to the customer by Klarna in a dispute, and what its protection of the merchant takes back of that.
  REVERSAL: meaning('reversal', -1n, 'total_reversal_amount'),
  REVERSAL_MERCHANT_PROTECTION: meaning('protection', 1n, 'total_reversal_amount', -1n),
  FEE: meaning('cost', -1n, 'total_fee_amount'),
  FEE_REFUND: meaning('cost', 1n, 'total_fee_refund_amount'),
  CORRECTION: meaning('cost', 1n, 'total_fee_correction_amount'),
  COMMISSION: meaning('cost', 1n, 'total_commission_amount'),
  CHARGE: meaning('adjustment', -1n, 'total_charge_amount'),
  CREDIT: meaning('adjustment', 1n, 'total_credit_amount'),
  HOLDBACK: meaning('held', -1n, 'total_holdback_amount'),
  RELEASE: meaning('held', 1n, 'total_release_amount'),
  TAX: meaning('tax', -1n, 'total_tax_amount'),
};
const COMMISSION_RETURNED = meaning('cost', -1n, 'total_commission_reversal_amount');
const UNKNOWN = meaning('other', 1n, null);

function meaningOf(type: string, detail: string): Meaning {
  if (type === 'COMMISSION' && /RETURN|REVERSAL/.test(detail)) return COMMISSION_RETURNED;
  return Object.hasOwn(TYPES, type) ? (TYPES[type] ?? UNKNOWN) : UNKNOWN;
}

/** A row as a line, and what of it the summary counts where. */
export type RowReading = {
  readonly item: ReportLine;
  readonly counted: readonly { readonly total: Total; readonly amount: bigint }[];
};

export function readRow(
  row: number,
  cells: readonly string[],
  at: RowColumns,
  raw: string,
  summary: Summary,
): RowReading | ReportFault {
  const cell = (n: number): string => (n < 0 ? '' : (cells[n] ?? '').trim());
  const { exponent, currency } = summary;
  const amount = exactMinor(cell(at.amount), exponent);
  if (amount === null) {
    const where = { row, field: 'amount', value: cell(at.amount) };
    return unreadable(where, `must be a decimal number with at most ${exponent} decimals`);
  }
  const posted = cell(at.currency).toUpperCase();
  if (posted !== '' && posted !== currency)
    return unreadable({ row, field: 'posting_currency', value: posted }, `must be the settlement's, ${currency}`);
  const happened = fileTime(cell(at.captured));
  if (happened === null && cell(at.captured) !== '') {
    const where = { row, field: 'capture_date', value: cell(at.captured) };
    return unreadable(where, 'must be a time, such as 2026-02-01T09:00:00Z');
  }
  const [type, detail] = [cell(at.type).toUpperCase(), cell(at.detail).toUpperCase()];
  const told = meaningOf(type, detail);
  // Only where the summary takes tax off: else it is in the fee already, or on an invoice.
  const takesTax = told.kind === 'cost' && summary.totals.total_tax_amount !== 0n;
  const vat = takesTax && cell(at.vat) !== '' ? exactMinor(cell(at.vat), exponent) : 0n;
  if (vat === null) return unreadable({ row, field: 'vat_amount', value: cell(at.vat) }, 'must be a decimal number');
  const line = lineOf(told, {
    type,
    detail,
    amount,
    vat: told.sign === -1n ? vat : -vat,
    order: cell(at.order),
    capture: cell(at.capture),
    refund: cell(at.refund),
    at: happened ?? summary.paidAt,
    summary,
  });
  const sold = fileTime(cell(at.sold));
  const merchant = cell(at.reference1) || cell(at.reference2);
  const source = cell(at.refund) || cell(at.capture);
  const item: ReportLine = {
    type: 'line',
    row,
    raw,
    line,
    keys: {
      ...(source === '' ? {} : { source }),
      ...(cell(at.order) === '' ? {} : { payment: cell(at.order) }),
      ...(merchant === '' ? {} : { merchant }),
    },
    ...(sold === null ? {} : { occurredAt: sold }),
    ...(cell(at.method) === '' ? {} : { paymentMethod: cell(at.method) }),
  };
  const counted = told.total === null ? [] : [{ total: told.total, amount: told.share * amount }];
  const taxed = { total: 'total_tax_amount' as const, amount: line.tax };
  return { item, counted: told.kind === 'cost' && line.tax !== 0n ? [...counted, taxed] : counted };
}

type RowParts = {
  readonly type: string;
  readonly detail: string;
  readonly amount: bigint;
  readonly vat: bigint;
  readonly order: string;
  readonly capture: string;
  readonly refund: string;
  readonly at: number;
  readonly summary: Summary;
};

/** Sales are posted under their order and returns under their refund, as the orders that are fetched for webhooks are. */
function lineOf(told: Meaning, parts: RowParts): SettlementLine {
  const { type, detail, amount, vat, order, capture, refund, at, summary } = parts;
  const { payout: batch, currency } = summary;
  const identity = hashedIdentity(batch, type, detail, order, capture, refund, String(at), currency, amount, vat);
  const shared = { identity, batch, currency, at, zone: 'UTC', word: detail === '' ? type : `${type} ${detail}` };
  const signed = told.sign * amount;
  if (told.kind === 'cost' || told.kind === 'tax') {
    const isTax = told.kind === 'tax';
    const base = lineBase({ ...shared, gross: 0n, fee: isTax ? 0n : -signed, tax: isTax ? -signed : vat });
    if (order === '') return { ...base, kind: isTax ? 'tax' : 'fee' };
    return refund === ''
      ? { ...base, kind: 'charge', reference: order }
      : { ...base, kind: 'refund', reference: refund };
  }
  const base = lineBase({ ...shared, gross: signed, fee: 0n, tax: 0n });
  const own = order === '' ? identity : order;
  switch (told.kind) {
    case 'sale':
      return { ...base, kind: 'charge', reference: own };
    case 'return':
      return { ...base, kind: 'refund', reference: refund === '' ? own : refund };
    case 'reversal':
      return { ...base, kind: 'chargeback', reference: own };
    case 'protection':
      return { ...base, kind: 'chargeback_reversal', reference: own };
    case 'held':
      return { ...base, kind: signed > 0n ? 'reserve_release' : 'reserve_hold', hold: 'holdback' };
    case 'adjustment':
      return { ...base, kind: 'adjustment' };
    default:
      return { ...base, kind: 'other' };
  }
}
