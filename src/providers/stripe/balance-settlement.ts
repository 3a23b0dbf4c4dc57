import { at, isObject, type Json, textAt } from '../../exact-json.ts';
import type { JsonRecord } from '../../json-records.ts';
import { withoutMembers } from '../../json-redaction.ts';
import type { Money } from '../../money.ts';
import type { SettlementLine } from '../../settlement-line.ts';
import {
  contradiction,
  fieldFault,
  idAt,
  type JsonReading,
  merchantReference,
  readJsonReport,
  requiredId,
} from '../json-report.ts';
import type { LineKeys, ReportContext, ReportItem, ReportLine, SettlementFormat } from '../settlement-format.ts';
import { type IsoCurrency, isoAmount, stripeCurrency } from './currency.ts';
import { stripeLines } from './settlement-line.ts';

/**
 * The balance transactions of a payout, as `GET /v1/balance_transactions?payout=po_…&expand[]=data.source` answers, page after
 * page. They do not name their payout: it stands before them, as `{"payout":{…}}` or as it was asked for by itself. Only automatic
 * payouts can be listed so.
 */
export const payoutTransactions: SettlementFormat = {
  name: 'payout_balance_transactions',
  title: 'Balance transactions of a payout (API)',
  role: ({ settlement_mode: mode }) => (mode === 'balance' ? 'control' : 'money'),
  mode: 'payout',
  proof: 'The transactions of a payout come to what it paid; the last page says that there are no more.',
  documentation: [
    'https://docs.stripe.com/api/balance_transactions/list',
    'https://docs.stripe.com/payouts/reconciliation',
  ],
  recognises: (head) => /"object"\s*:\s*"(?:balance_transaction|payout|list)"|"payout"\s*:\s*\{/.test(head),
  read: (source, context) => readJsonReport(source, ['payout', 'data'], reading(context)),
};

/** What an expanded source tells of who paid. */
const PERSONAL: ReadonlySet<string> = new Set([
  'billing_details',
  'customer_details',
  'payment_method_details',
  'receipt_email',
  'receipt_url',
  'shipping',
]);

type Payout = Money & {
  readonly id: string;
  readonly at: number;
  readonly row: number;
  readonly raw: string;
  readonly transaction: string | undefined;
  readonly bank: string | undefined;
  /** Its own balance transaction was among them, and was in this currency. */
  paidFrom: string | undefined;
  isCutShort: boolean;
};

function reading(context: ReportContext): JsonReading {
  let payout: Payout | null = null;

  function close(): readonly ReportItem[] {
    const closing = payout;
    payout = null;
    return closing === null ? [] : closingItems(closing, context);
  }

  function open(told: Json, raw: string, row: number): readonly ReportItem[] {
    const closed = close();
    payout = payoutOf(told, raw, row);
    return closed;
  }

  return {
    record(record) {
      if (record.place === 'payout') return open(record.value, record.raw, record.number);
      if (payout === null)
        throw fieldFault('data', undefined, 'stands without its payout: put {"payout":{…}} before the transactions');
      return transactionItems(record, payout, context);
    },
    document({ value, raw, number, places }) {
      if (places.length === 0 && textAt(value, 'object') === 'payout') return open(value, raw, number);
      if (payout !== null && places.includes('data')) payout.isCutShort = at(value, 'has_more') === true;
      return [];
    },
    end: close,
  };
}

function payoutOf(told: Json, raw: string, row: number): Payout {
  const currency = stripeCurrency(textAt(told, 'currency') ?? '');
  return {
    id: requiredId(told, 'id'),
    amount: amountAt(told, 'amount', currency),
    currency: currency.code,
    at: timeAt(told, 'created'),
    row,
    raw,
    transaction: idAt(told, 'balance_transaction') ?? idAt(told, 'balance_transaction', 'id'),
    bank: merchantReference(told, 'trace_id', 'value'),
    paidFrom: undefined,
    isCutShort: false,
  };
}

function closingItems(payout: Payout, { zone }: ReportContext): ReportItem[] {
  const { id, amount, row, raw, at: created, transaction } = payout;
  const currency = payout.paidFrom ?? payout.currency;
  const items: ReportItem[] = [];
  if (payout.paidFrom === undefined) {
    const parts = { batch: id, currency, gross: -amount, fee: 0n, net: -amount, at: created, zone, charge: '' };
    const lines = stripeLines({ ...parts, id: transaction ?? id, category: 'payout', source: id });
    items.push(...lines.map((line): ReportLine => ({ type: 'line', row, raw, line, keys: payoutKeys(payout) })));
  }
  if (payout.isCutShort)
    items.push(
      contradiction({
        row,
        field: 'has_more',
        value: 'true',
        reason: 'the last page says that there are more transactions: fetch them all',
        batch: id,
      }),
    );
  items.push({ type: 'batch', batch: id, currency, opening: 0n, closing: 0n, from: created, to: created });
  return items;
}

function transactionItems(record: JsonRecord, payout: Payout, { zone }: ReportContext): ReportItem[] {
  const { value: txn, number: row } = record;
  const id = requiredId(txn, 'id');
  const currency = stripeCurrency(textAt(txn, 'currency') ?? '');
  const [gross, fee, net] = ['amount', 'fee', 'net'].map((name) => amountAt(txn, name, currency));
  if (gross === undefined || fee === undefined || net !== gross - fee)
    throw fieldFault('net', textAt(txn, 'net'), 'is not amount − fee');
  const category = textAt(txn, 'reporting_category');
  if (category === undefined) throw fieldFault('reporting_category', undefined, 'is missing');
  const balance = textAt(txn, 'balance_type') ?? 'payments';
  // The other side of what was held back of the payments: its own transaction is a line.
  if (balance === 'risk_reserved') return [];
  const source = idAt(txn, 'source') ?? idAt(txn, 'source', 'id') ?? '';
  const charge = source.startsWith('ch_') || source.startsWith('py_') ? source : (idAt(txn, 'source', 'charge') ?? '');
  const payer = payerOf(txn, category, gross, currency);
  const isPaid = category === 'payout' && source === payout.id;
  if (isPaid) payout.paidFrom = currency.code;
  const lines = stripeLines({
    id,
    category,
    source,
    charge,
    // What is not of the payments' balance is not paid out with it.
    batch: balance === 'payments' ? payout.id : `${payout.id}/${balance}`,
    currency: currency.code,
    gross,
    fee,
    net,
    at: timeAt(txn, 'created'),
    zone,
    ...(payer === undefined ? {} : { payer }),
  });
  const raw = withoutMembers(record.raw, PERSONAL);
  const keys = isPaid ? payoutKeys(payout) : keysOf(txn, source, charge);
  const method = textAt(txn, 'source', 'payment_method_details', 'type');
  const rate = textAt(txn, 'exchange_rate');
  const available = textAt(txn, 'available_on');
  return lines.map((line) => ({
    type: 'line',
    row,
    raw,
    line: isPaid ? withSettled(line, payout) : line,
    keys,
    ...(available !== undefined && UNIX.test(available) ? { availableAt: Number(available) * 1_000 } : {}),
    ...(rate === undefined ? {} : { fxRate: rate }),
    ...(method === undefined ? {} : { paymentMethod: method }),
  }));
}

/** A payout to a bank account in another currency than the balance it leaves. */
function withSettled(line: SettlementLine, { amount, currency }: Payout): SettlementLine {
  return line.kind === 'payout' && line.currency !== currency ? { ...line, settled: { amount, currency } } : line;
}

/** Whose events are posted in the currency of the object, which is the payer's. A dispute's are in the balance's. */
const IN_PAYERS_CURRENCY: ReadonlySet<string> = new Set([
  'charge',
  'charge_failure',
  'partial_capture_reversal',
  'platform_earning',
  'platform_earning_refund',
  'refund',
  'refund_failure',
  'transfer',
  'transfer_reversal',
]);

function payerOf(txn: Json, category: string, gross: bigint, settled: IsoCurrency): Money | undefined {
  if (!IN_PAYERS_CURRENCY.has(category)) return undefined;
  const source = at(txn, 'source');
  if (!isObject(source)) {
    if (textAt(txn, 'exchange_rate') === undefined) return undefined;
    throw fieldFault(
      'source',
      textAt(txn, 'source'),
      'must be written out where currencies differ: expand data.source',
    );
  }
  const currency = stripeCurrency(textAt(source, 'currency') ?? '');
  if (currency.code === settled.code) return undefined;
  const whole = amountAt(source, 'amount', currency);
  const part = textAt(source, 'amount_captured') === undefined ? whole : amountAt(source, 'amount_captured', currency);
  const amount = category === 'partial_capture_reversal' ? whole - part : closest(txn, gross, whole, part);
  return { amount: gross < 0n ? -amount : amount, currency: currency.code };
}

/** Up to 2025-03-31 a partial capture came as the whole charge and its reversal; since then as what was captured. */
function closest(txn: Json, gross: bigint, whole: bigint, part: bigint): bigint {
  const rate = Number(textAt(txn, 'exchange_rate') ?? '1');
  const off = (amount: bigint): number => Math.abs(Math.abs(Number(gross)) - Number(amount) * rate);
  return off(part) < off(whole) ? part : whole;
}

function keysOf(txn: Json, source: string, charge: string): LineKeys {
  const merchant = merchantReference(txn, 'source', 'metadata', 'order_id');
  return {
    ...(source === '' ? {} : { source }),
    ...(charge === '' ? {} : { payment: charge }),
    ...(merchant === undefined ? {} : { merchant }),
  };
}

function payoutKeys({ id, bank }: Payout): LineKeys {
  return { source: id, ...(bank === undefined ? {} : { bank }) };
}

const UNIX = /^\d{1,11}$/;

function timeAt(told: Json, name: string): number {
  const text = textAt(told, name);
  if (text === undefined || !UNIX.test(text)) throw fieldFault(name, text, 'must be a time in unix seconds');
  return Number(text) * 1_000;
}

function amountAt(told: Json, name: string, currency: IsoCurrency): bigint {
  const text = textAt(told, name);
  if (text === undefined) throw fieldFault(name, undefined, 'is missing');
  return isoAmount(text, currency);
}
