import { at, isObject, type Json, textAt } from '../../exact-json.ts';
import type { JsonRecord } from '../../json-records.ts';
import { withoutMembers } from '../../json-redaction.ts';
import type { Money } from '../../money.ts';
import type { SettlementLine } from '../../settlement-line.ts';
import { fieldFault, idAt, merchantReference, requiredId } from '../json-report.ts';
import type { LineKeys, ReportLine } from '../settlement-format.ts';
import { type IsoCurrency, isoAmount, stripeCurrency } from './currency.ts';
import { stripeLines } from './settlement-line.ts';

/** What an expanded source tells of who paid. */
const PERSONAL: ReadonlySet<string> = new Set([
  'billing_details',
  'customer_details',
  'payment_method_details',
  'receipt_email',
  'receipt_url',
  'shipping',
]);

/** What left for a bank account, as the payout says it. */
export type PaidOut = Money & { readonly id: string; readonly bank: string | undefined };

export function paidOutOf(told: Json): PaidOut {
  const currency = stripeCurrency(textAt(told, 'currency') ?? '');
  return {
    id: requiredId(told, 'id'),
    amount: amountAt(told, 'amount', currency),
    currency: currency.code,
    bank: merchantReference(told, 'trace_id', 'value'),
  };
}

/** `payout`: the one that all of them are of; null: they are of many, and each payout is written out beside its own. */
export function transactionLines(
  record: JsonRecord,
  { batch, zone, payout }: { readonly batch: string; readonly zone: string; readonly payout: PaidOut | null },
): readonly ReportLine[] {
  const { value: txn, number: row } = record;
  const id = requiredId(txn, 'id');
  const currency = stripeCurrency(textAt(txn, 'currency') ?? '');
  const [gross, fee, net] = ['amount', 'fee', 'net'].map((name) => amountAt(txn, name, currency));
  if (gross === undefined || fee === undefined || net !== gross - fee)
    throw fieldFault('net', textAt(txn, 'net'), 'is not amount − fee');
  const category = textAt(txn, 'reporting_category');
  if (category === undefined) throw fieldFault('reporting_category', undefined, 'is missing');
  const balance = textAt(txn, 'balance_type') ?? 'payments';
  // The other side of what was held back of the payments: that transaction is a line.
  if (balance === 'risk_reserved' && category === 'risk_reserved_funds') return [];
  const source = idAt(txn, 'source') ?? idAt(txn, 'source', 'id') ?? '';
  const charge = source.startsWith('ch_') || source.startsWith('py_') ? source : (idAt(txn, 'source', 'charge') ?? '');
  const payer = payerOf(txn, category, gross, currency);
  const paid = category === 'payout' ? paidBy(txn, source, payout) : null;
  const lines = stripeLines({
    id,
    category,
    source,
    charge,
    // What is not of the payments' balance is not paid out with it.
    batch: balance === 'payments' ? batch : `${batch}/${balance}`,
    currency: currency.code,
    gross,
    fee,
    net,
    at: timeAt(txn, 'created'),
    zone,
    ...(payer === undefined ? {} : { payer }),
  });
  const raw = withoutMembers(record.raw, PERSONAL);
  const keys = paid === null ? keysOf(txn, source, charge) : payoutKeys(paid);
  const method = textAt(txn, 'source', 'payment_method_details', 'type');
  const rate = textAt(txn, 'exchange_rate');
  const available = textAt(txn, 'available_on');
  return lines.map((line) => ({
    type: 'line',
    row,
    raw,
    line: paid === null ? line : withSettled(line, paid),
    keys,
    ...(available !== undefined && UNIX.test(available) ? { availableAt: Number(available) * 1_000 } : {}),
    ...(rate === undefined ? {} : { fxRate: rate }),
    ...(method === undefined ? {} : { paymentMethod: method }),
  }));
}

function paidBy(txn: Json, source: string, payout: PaidOut | null): PaidOut | null {
  if (payout !== null) return source === payout.id ? payout : null;
  const told = at(txn, 'source');
  return isObject(told) ? paidOutOf(told) : null;
}

/** A payout to a bank account in another currency than the balance it leaves. */
function withSettled(line: SettlementLine, { amount, currency }: PaidOut): SettlementLine {
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

export function payoutKeys({ id, bank }: PaidOut): LineKeys {
  return { source: id, ...(bank === undefined ? {} : { bank }) };
}

const UNIX = /^\d{1,11}$/;

export function timeAt(told: Json, name: string): number {
  const text = textAt(told, name);
  if (text === undefined || !UNIX.test(text)) throw fieldFault(name, text, 'must be a time in unix seconds');
  return Number(text) * 1_000;
}

function amountAt(told: Json, name: string, currency: IsoCurrency): bigint {
  const text = textAt(told, name);
  if (text === undefined) throw fieldFault(name, undefined, 'is missing');
  return isoAmount(text, currency);
}
