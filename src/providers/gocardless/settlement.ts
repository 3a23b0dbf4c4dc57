import { type Decimal, decimal, decimalText, negated, rounded, sum } from '../../decimal-amount.ts';
import { isObject, type Json, listAt, textAt } from '../../exact-json.ts';
import type { JsonRecord } from '../../json-records.ts';
import type { MovementLine, SettlementLine } from '../../settlement-line.ts';
import {
  contradiction,
  fieldFault,
  idAt,
  type JsonReading,
  merchantReference,
  readJsonReport,
  requiredId,
  requiredTime,
} from '../json-report.ts';
import { hashedIdentity } from '../line-identity.ts';
import { type LineParts, lineBase } from '../report-lines.ts';
import { addLine, type BatchSum, emptySum, leftOver, roundingOf } from '../report-sums.ts';
import type { ReportContext, ReportItem, ReportLine, SettlementFormat } from '../settlement-format.ts';
import { moneyAt } from './resource.ts';

/**
 * A payout and then its items, `{"payouts":{…}}` and the pages `{"payout_items":[…],"meta":{…}}`: items do not name their payout,
 * so that it must stand before them. An item's amount is a text in minor units with a decimal ("45.0"): fees are kept to a tenth
 * of one, and the payout is their sum, rounded.
 */
export const payoutItems: SettlementFormat = {
  name: 'payout_items',
  title: 'Payout items',
  role: () => 'money',
  mode: 'payout',
  proof: 'The items come to the payout, rounded to a minor unit once; the last page names no other.',
  documentation: [
    'https://developer.gocardless.com/api-reference/#core-endpoints-payouts',
    'https://developer.gocardless.com/api-reference/#core-endpoints-payout-items',
  ],
  recognises: (head) => /"payout_items"\s*:\s*\[|"payouts"\s*:\s*\{/.test(head),
  read: (source, context) => readJsonReport(source, ['payouts', 'payout_items'], reading(context)),
};

type Payout = {
  readonly id: string;
  readonly amount: bigint;
  readonly currency: string;
  readonly at: number;
  readonly row: number;
  readonly sum: BatchSum;
  hasItems: boolean;
  isCutShort: boolean;
};

function reading({ zone }: ReportContext): JsonReading {
  let payout: Payout | null = null;

  function close(): readonly ReportItem[] {
    const closing = payout;
    payout = null;
    return closing === null ? [] : closingItems(closing, zone);
  }

  return {
    record(record) {
      if (record.place === 'payouts') {
        const closed = close();
        const opened = opening(record, zone);
        payout = opened.payout;
        return [...closed, ...opened.items];
      }
      if (payout === null)
        throw fieldFault('payout_items', undefined, 'stand without their payout: put {"payouts":{…}} before them');
      payout.hasItems = true;
      const line = itemLine(record, payout, zone);
      addLine(payout.sum, line.line, line.residue);
      return [line];
    },
    document({ value, places }) {
      if (payout !== null && places.includes('payout_items'))
        payout.isCutShort = textAt(value, 'meta', 'cursors', 'after') !== undefined;
      return [];
    },
    end: close,
  };
}

function opening({ value: told, raw, number: row }: JsonRecord, zone: string): { payout: Payout; items: ReportItem[] } {
  const { amount, currency } = moneyAt(told);
  const id = requiredId(told, 'id');
  const at = requiredTime(told, 'created_at');
  const bank = merchantReference(told, 'reference');
  const settled = settledElsewhere(told, currency);
  const parts = { identity: id, batch: id, currency, gross: -amount, fee: 0n, tax: 0n, at, zone };
  const line: SettlementLine = {
    ...lineBase({ ...parts, word: textAt(told, 'payout_type') ?? 'merchant' }),
    kind: 'payout',
    payout: id,
    ...(settled === undefined ? {} : { settled }),
  };
  const rate = textAt(told, 'fx', 'exchange_rate');
  const keys = { source: id, ...(bank === undefined ? {} : { bank }) };
  return {
    payout: { id, amount, currency, at, row, sum: emptySum(), hasItems: false, isCutShort: false },
    items: [{ type: 'line', row, raw, line, keys, ...(rate === undefined ? {} : { fxRate: rate }) }],
  };
}

/** Items are in the payments' currency, and so is `amount`; `fx_amount` is what reaches the bank. */
function settledElsewhere(told: Json, currency: string): { amount: bigint; currency: string } | undefined {
  const target = textAt(told, 'fx', 'fx_currency');
  if (target === undefined || target === currency) return undefined;
  if (textAt(told, 'fx', 'exchange_rate') === undefined)
    throw fieldFault('fx.exchange_rate', undefined, 'is an estimate still: fetch the payout once it is confirmed');
  const fx = isObject(told) ? told.fx : undefined;
  return moneyAt(fx, 'fx_amount', 'fx_currency');
}

function closingItems({ id, amount, currency, at, row, sum: total, ...seen }: Payout, zone: string): ReportItem[] {
  const items: ReportItem[] = [];
  const over = roundingOf(total, amount);
  if (over !== null) {
    const identity = `${id}/rounding`;
    const parts = { identity, batch: id, currency, gross: over, fee: 0n, tax: 0n, at, zone, word: 'rounding' };
    items.push({ type: 'line', row, raw: '', line: { ...lineBase(parts), kind: 'rounding' }, keys: {} });
  }
  const wrong = (field: string, reason: string) =>
    items.push(contradiction({ row, field, value: id, reason, batch: id }));
  if (!seen.hasItems) wrong('payout_items', 'the file holds the payout, but none of its items');
  if (seen.isCutShort)
    wrong(
      'meta.cursors.after',
      'the last page names another that is not in the file: fetch the items to their last page',
    );
  items.push({ type: 'batch', batch: id, currency, opening: 0n, closing: 0n, from: at, to: at });
  return items;
}

/** developer.gocardless.com/api-reference/#payout-items-list-all-items-in-a-payout */
const MOVEMENTS: ReadonlyMap<string, { readonly kind: MovementLine['kind']; readonly of: 'payment' | 'refund' }> =
  new Map([
    ['payment_paid_out', { kind: 'charge', of: 'payment' }],
    // It failed after it had been paid out: what the payment brought is taken back.
    ['payment_failed', { kind: 'charge', of: 'payment' }],
    ['payment_charged_back', { kind: 'chargeback', of: 'payment' }],
    ['payment_refunded', { kind: 'refund', of: 'refund' }],
    ['refund', { kind: 'refund', of: 'refund' }],
    ['refund_funds_returned', { kind: 'refund_reversal', of: 'refund' }],
  ]);
const FEES: ReadonlySet<string> = new Set(['gocardless_fee', 'app_fee', 'surcharge_fee']);

function itemLine({ value: item, raw, number: row }: JsonRecord, payout: Payout, zone: string): ReportLine {
  const { id: batch, currency, at } = payout;
  const word = textAt(item, 'type') ?? 'unknown';
  const amount = tenths(textAt(item, 'amount'), 'amount');
  const [payment, refund, mandate] = ['payment', 'refund', 'mandate'].map((name) => idAt(item, 'links', name));
  const identity = hashedIdentity(batch, word, payment, refund, mandate, decimalText(amount), currency);
  const parts: LineParts = {
    identity,
    batch,
    currency,
    gross: rounded(amount, 0).minor,
    fee: 0n,
    tax: 0n,
    at,
    zone,
    word,
  };
  const line = lineOf(parts, { payment, refund }, amount, item);
  const residue = leftOver(amount, line.net);
  const keys = {
    ...(refund === undefined ? {} : { source: refund }),
    ...(payment === undefined ? {} : { payment }),
  };
  return { type: 'line', row, raw, line, keys, ...(residue === undefined ? {} : { residue }) };
}

type Links = { readonly payment: string | undefined; readonly refund: string | undefined };

function lineOf(parts: LineParts, links: Links, amount: Decimal, item: Json): SettlementLine {
  const { word, identity, currency } = parts;
  const base = lineBase(parts);
  if (FEES.has(word)) {
    const tax = taxOf(item, amount, currency);
    const fee = rounded(negated(sum(amount, tax)), 0).minor;
    return { ...lineBase({ ...parts, gross: 0n, fee, tax: rounded(tax, 0).minor }), kind: 'fee' };
  }
  // A partner's share of the fees its users pay: no webhook tells it.
  if (word === 'revenue_share') return { ...base, kind: 'platform_fee', reference: identity };
  const movement = MOVEMENTS.get(word);
  if (movement === undefined) return { ...base, kind: 'other' };
  const reference = movement.of === 'payment' ? links.payment : (links.refund ?? links.payment);
  // Without it nothing could ever settle it: suspense shows it.
  if (reference === undefined) return { ...base, kind: 'adjustment' };
  // A chargeback that was cancelled is paid out again.
  const kind = movement.kind === 'chargeback' && base.gross > 0n ? 'chargeback_reversal' : movement.kind;
  return { ...base, kind, reference };
}

const TAXES_MAX = 20;

/** What an item's amount contains of tax, taken positive as a fee is; told in the currency of the payments or of the payout. */
function taxOf(item: Json, amount: Decimal, currency: string): Decimal {
  const taxes = listAt(item, 'taxes')
    .slice(0, TAXES_MAX)
    .map((tax) => {
      if (textAt(tax, 'currency') === currency) return tenths(textAt(tax, 'amount'), 'taxes.amount');
      if (textAt(tax, 'destination_currency') === currency)
        return tenths(textAt(tax, 'destination_amount'), 'taxes.destination_amount');
      throw fieldFault('taxes.currency', textAt(tax, 'currency'), `is not the payout's ${currency}`);
    });
  const told = sum(...taxes);
  const isTaken = amount.units < 0n;
  return told.units < 0n === isTaken ? negated(told) : told;
}

/** A text in minor units, with decimals. */
function tenths(text: string | undefined, field: string): Decimal {
  const value = text === undefined ? null : decimal(text);
  if (value === null) throw fieldFault(field, text, 'must be a decimal number of minor units');
  return value;
}
