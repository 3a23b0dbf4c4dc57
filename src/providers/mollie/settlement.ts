import { type Decimal, decimalText, negated, rounded, sum } from '../../decimal-amount.ts';
import { at, isObject, type Json, type JsonObject, textAt } from '../../exact-json.ts';
import type { JsonRecord } from '../../json-records.ts';
import { withoutMembers } from '../../json-redaction.ts';
import type { SettlementLine } from '../../settlement-line.ts';
import { isoTime } from '../iso-time.ts';
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
import { lineBase } from '../report-lines.ts';
import { addLine, type BatchSum, emptySum, leftOver, roundingOf } from '../report-sums.ts';
import type { ReportItem, ReportLine, SettlementFormat } from '../settlement-format.ts';
import { costLines, revenueOf } from './settlement-costs.ts';
import { requiredMoneyAt, wholeMinor, ZONE } from './settlement-money.ts';

const PLACES = ['payments', 'refunds', 'chargebacks', 'captures'].map((name) => `_embedded.${name}`);
/** What an object tells of who paid. */
const PERSONAL: ReadonlySet<string> = new Set([
  'details',
  'billingAddress',
  'shippingAddress',
  'billingEmail',
  'consumerName',
  'consumerAccount',
  'cardHolder',
]);

/**
 * A settlement and then the pages of its payments, refunds, chargebacks and captures, one after another. What Mollie took stands in
 * the settlement alone, by month and method.
 */
export const settlements: SettlementFormat = {
  name: 'settlements',
  title: 'Settlements with their payments, refunds, chargebacks and captures',
  role: ({ settlement_mode: mode }) => (mode === 'balance' ? 'control' : 'money'),
  mode: 'payout',
  proof:
    "The settlement's amount is what its objects come to less its costs, rounded to a cent once; its revenue is its objects'; the last page of each names no other.",
  documentation: [
    'https://docs.mollie.com/reference/get-settlement',
    'https://docs.mollie.com/reference/list-settlement-payments',
    'https://docs.mollie.com/reference/list-settlement-captures',
  ],
  recognises: (head) => /"resource"\s*:\s*"settlement"|"(?:settlementId|settlementAmount)"\s*:/.test(head),
  read: (source) => readJsonReport(source, PLACES, reading()),
};

type Settlement = {
  readonly id: string;
  readonly amount: bigint;
  readonly currency: string;
  readonly at: number;
  readonly row: number;
  readonly hasFailed: boolean;
  /** What the settlement says its objects come to. */
  readonly revenue: Decimal;
  readonly total: BatchSum;
  moved: Decimal;
  readonly cutShort: Set<string>;
};

function reading(): JsonReading {
  let settlement: Settlement | null = null;

  function close(): readonly ReportItem[] {
    const closing = settlement;
    settlement = null;
    return closing === null ? [] : closingItems(closing);
  }

  return {
    record(record) {
      const line = objectLine(record, settlement);
      if (line === null) return [];
      if (settlement !== null && line.line.batch === settlement.id) {
        addLine(settlement.total, line.line, line.residue);
        settlement.moved = sum(settlement.moved, exactOf(record.value));
      }
      return [line];
    },
    document({ value, raw, number, places }) {
      if (isObject(value) && textAt(value, 'resource') === 'settlement') {
        const closed = close();
        const opened = opening(value, raw, number);
        settlement = opened.settlement;
        for (const { line, residue } of opened.costs) addLine(settlement.total, line, residue);
        return [...closed, opened.payout, ...opened.costs];
      }
      for (const place of places) {
        const isLast = textAt(value, '_links', 'next', 'href') === undefined;
        if (isLast) settlement?.cutShort.delete(place);
        else settlement?.cutShort.add(place);
      }
      return [];
    },
    end: close,
  };
}

const exactOf = (object: Json): Decimal => requiredMoneyAt(object, 'settlementAmount').exact;

function opening(
  told: JsonObject,
  raw: string,
  row: number,
): { settlement: Settlement; payout: ReportLine; costs: ReportLine[] } {
  const id = requiredId(told, 'id');
  const status = textAt(told, 'status') ?? '';
  if (status === 'open') throw fieldFault('status', status, 'says that it is not closed: fetch it once it is paid out');
  const { exact, currency } = requiredMoneyAt(told, 'amount');
  const amount = wholeMinor(exact);
  if (leftOver(exact, amount) !== undefined)
    throw fieldFault('amount', textAt(told, 'amount', 'value'), 'has digits below the minor unit');
  const booked = isoTime(textAt(told, 'settledAt')) ?? requiredTime(told, 'createdAt');
  const bank = merchantReference(told, 'reference');
  const parts = { identity: id, batch: id, currency, gross: -amount, fee: 0n, tax: 0n, at: booked, zone: ZONE };
  const payout: ReportLine = {
    type: 'line',
    row,
    raw,
    line: { ...lineBase({ ...parts, word: `settlement ${status}` }), kind: 'payout', payout: id },
    keys: { source: id, ...(bank === undefined ? {} : { bank }) },
  };
  const settlement: Settlement = {
    id,
    amount,
    currency,
    at: booked,
    row,
    hasFailed: status === 'failed',
    revenue: revenueOf(told, currency),
    total: emptySum(),
    moved: { units: 0n, scale: 0 },
    cutShort: new Set(),
  };
  return { settlement, payout, costs: costLines(told, raw, { batch: id, currency, at: booked, row }) };
}

function closingItems(settlement: Settlement): ReportItem[] {
  const { id, amount, currency, at: booked, row, hasFailed, revenue, total, moved, cutShort } = settlement;
  const items: ReportItem[] = [];
  const base = { batch: id, currency, fee: 0n, tax: 0n, at: booked, zone: ZONE };
  const add = (line: SettlementLine) => items.push({ type: 'line', row, raw: '', line, keys: {} });
  const over = roundingOf(total, amount);
  if (over !== null)
    add({ ...lineBase({ ...base, identity: `${id}/rounding`, gross: over, word: 'rounding' }), kind: 'rounding' });
  // Nothing else tells that a settlement never reached the bank.
  if (hasFailed) {
    const failed = lineBase({ ...base, identity: `${id}/failed`, gross: amount, word: 'settlement failed' });
    add({ ...failed, kind: 'payout_reversal', payout: id });
  }
  for (const place of cutShort) {
    const reason = 'the last page names another that is not in the file: fetch the list to its last page';
    items.push(contradiction({ row, field: `${place} _links.next`, value: null, reason, batch: id }));
  }
  const [expected, found] = [decimalText(revenue), decimalText(moved)];
  if (expected !== found) {
    const reason = 'the objects of the settlement do not come to the revenue it tells: fetch all of its lists';
    items.push(contradiction({ row, field: 'periods.revenue', value: null, reason, batch: id, expected, found }));
  }
  const closing = hasFailed ? amount : 0n;
  items.push({ type: 'batch', batch: id, currency, opening: 0n, closing, from: booked, to: booked });
  return items;
}

type Movement = {
  readonly kind: 'charge' | 'refund' | 'chargeback';
  readonly reference: string;
  readonly payment: string;
};

/** Null for a payment whose captures are settled, each by itself. */
function objectLine(record: JsonRecord, settlement: Settlement | null): ReportLine | null {
  const { value: told, number: row, place } = record;
  const word = place.slice('_embedded.'.length, -1);
  const identity = requiredId(told, 'id');
  if (word === 'payment' && (textAt(told, 'captureMode') === 'manual' || isObject(at(told, 'amountCaptured'))))
    return null;
  const { exact, currency } = requiredMoneyAt(told, 'settlementAmount');
  const gross = wholeMinor(exact);
  const batch = idAt(told, 'settlementId') ?? settlement?.id;
  if (batch === undefined) throw fieldFault('settlementId', undefined, 'is missing');
  const created = requiredTime(told, 'createdAt');
  const booked = batch === settlement?.id ? settlement.at : created;
  const { kind, reference, payment } = movementOf(told, word, identity);
  const parts = { identity, batch, currency, gross, fee: 0n, tax: 0n, at: booked, zone: ZONE, word };
  const line: SettlementLine = {
    ...lineBase(parts),
    kind: kind !== 'charge' && gross > 0n ? `${kind}_reversal` : kind,
    reference,
    ...payerOf(told, gross, currency),
  };
  const merchant = merchantReference(told, 'description');
  const method = textAt(told, 'method');
  const residue = leftOver(exact, gross);
  return {
    type: 'line',
    row,
    raw: withoutMembers(record.raw, PERSONAL),
    line,
    keys: { source: identity, payment, ...(merchant === undefined ? {} : { merchant }) },
    occurredAt: created,
    ...(residue === undefined ? {} : { residue }),
    ...(method === undefined ? {} : { paymentMethod: method }),
  };
}

function movementOf(told: Json, word: string, id: string): Movement {
  if (word === 'payment') return { kind: 'charge', reference: id, payment: id };
  const payment = requiredId(told, 'paymentId');
  // Each capture is posted on its payment.
  if (word === 'capture') return { kind: 'charge', reference: payment, payment };
  return { kind: word === 'refund' ? 'refund' : 'chargeback', reference: id, payment };
}

/** Objects tell their own amount without a sign, and what was settled of it with one. */
function payerOf(told: Json, gross: bigint, settled: string): { payer?: { amount: bigint; currency: string } } {
  const { exact, currency } = requiredMoneyAt(told, 'amount');
  if (currency === settled) return {};
  const paid = exact.units < 0n ? negated(exact) : exact;
  const { minor, residue } = rounded(paid, 0);
  if (residue !== undefined)
    throw fieldFault('amount', textAt(told, 'amount', 'value'), 'has digits below the minor unit');
  return { payer: { amount: gross < 0n ? -minor : minor, currency } };
}
