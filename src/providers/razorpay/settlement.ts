import { isObject, type JsonObject, textAt } from '../../exact-json.ts';
import type { JsonRecord } from '../../json-records.ts';
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
import { type LineParts, lineBase, withCostsApart } from '../report-lines.ts';
import type { LineKeys, ReportContext, ReportItem, SettlementFormat } from '../settlement-format.ts';
import { amountAt, knownCurrency, unixTime } from './entity.ts';

/**
 * The recon of a day or a month, `{"entity":"collection","items":[…]}`, page after page; before or after them the settlements
 * themselves, whose amounts prove it.
 */
export const settlementRecon: SettlementFormat = {
  name: 'settlement_recon',
  title: 'Settlement recon (combined)',
  role: () => 'money',
  mode: 'payout',
  proof: 'Credits − debits of a settlement are its amount, where the file holds the settlement too.',
  documentation: [
    'https://razorpay.com/docs/api/settlements/fetch-recon',
    'https://razorpay.com/docs/api/settlements/fetch-all',
  ],
  recognises: (head) => /"(?:settlement_id|settlement_utr|credit_type)"\s*:|"entity"\s*:\s*"settlement"/.test(head),
  read: (source, context) => readJsonReport(source, ['items'], reading(context)),
};

/** Its days are India's, whatever the account's books are kept in. */
const ZONE = 'Asia/Kolkata';
const SETTLEMENTS_MAX = 100_000;

type Settlement = { readonly record: JsonRecord; readonly id: string; readonly amount: bigint; readonly at: number };

function reading({ settings }: ReportContext): JsonReading {
  const settlements = new Map<string, Settlement>();
  /** A settlement names no currency: its rows do. */
  const currencies = new Map<string, string>();
  const own = typeof settings.settlement_currency === 'string' ? settings.settlement_currency : undefined;

  return {
    record(record) {
      if (!isObject(record.value)) throw fieldFault('items', record.raw, 'must be objects');
      if (textAt(record.value, 'entity') === 'settlement') {
        const settlement = settlementOf(record, record.value);
        if (settlement !== null && settlements.size < SETTLEMENTS_MAX) settlements.set(settlement.id, settlement);
        return [];
      }
      const items = rowItems(record, record.value);
      for (const item of items)
        if (item.type === 'line' && currencies.size < SETTLEMENTS_MAX)
          currencies.set(item.line.batch, item.line.currency);
      return items;
    },
    document({ value, raw, number, places }) {
      // One settlement by itself, as it is fetched by its id.
      if (places.length > 0 || !isObject(value) || textAt(value, 'entity') !== 'settlement') return [];
      const settlement = settlementOf({ kind: 'record', place: '', value, raw, number }, value);
      if (settlement !== null) settlements.set(settlement.id, settlement);
      return [];
    },
    end: () =>
      [...settlements.values()].flatMap((one) =>
        payoutItems(one, currencies.get(one.id) ?? own, currencies.has(one.id)),
      ),
  };
}

/** Null for one that is not on its way to the bank. */
function settlementOf(record: JsonRecord, told: JsonObject): Settlement | null {
  const status = textAt(told, 'status');
  if (status !== 'processed') return null;
  return {
    record,
    id: requiredId(told, 'id'),
    amount: requiredAmount(told, 'amount'),
    at: requiredUnix(told, 'created_at'),
  };
}

function payoutItems(settlement: Settlement, currency: string | undefined, hasRows: boolean): ReportItem[] {
  const { record, id, amount, at } = settlement;
  const { number: row, raw, value } = record;
  if (currency === undefined) {
    const reason = 'the settlement has no rows in the file, and names no currency: set settlement_currency';
    return [contradiction({ row, field: 'id', value: id, reason, batch: id })];
  }
  const bank = idAt(value, 'utr');
  const parts = { identity: id, batch: id, currency: knownCurrency(currency), gross: -amount, fee: 0n, tax: 0n };
  const line: SettlementLine = {
    ...lineBase({ ...parts, at, zone: ZONE, word: 'settlement' }),
    kind: 'payout',
    payout: id,
  };
  return [
    { type: 'line', row, raw, line, keys: { source: id, ...(bank === undefined ? {} : { bank }) } },
    { type: 'batch', batch: id, currency, opening: 0n, closing: 0n, from: at, to: at },
    ...(hasRows || amount === 0n
      ? []
      : [
          contradiction({
            row,
            field: 'amount',
            value: String(amount),
            reason: 'the file holds the settlement, but none of its rows: fetch the recon of its whole day',
            batch: id,
          }),
        ]),
  ];
}

function rowItems({ number: row, raw }: JsonRecord, item: JsonObject): ReportItem[] {
  const batch = idAt(item, 'settlement_id');
  // On hold, or not settled yet: a later recon has it.
  if (batch === undefined) return [];
  const word = textAt(item, 'type') ?? 'unknown';
  const currency = knownCurrency(textAt(item, 'currency') ?? '');
  const [debit, credit, amount] = ['debit', 'credit', 'amount'].map((name) => requiredAmount(item, name));
  const net = (credit ?? 0n) - (debit ?? 0n);
  const costs = costsOf(item, net, amount ?? 0n);
  const created = unixTime(textAt(item, 'created_at'));
  const entity = requiredId(item, 'entity_id');
  const parts: LineParts = {
    // A payment and its refund have ids of their own; of two settlements one entity may be in both (a failed one, made again).
    identity: `${batch}/${entity}`,
    batch,
    currency,
    gross: net + costs.fee + costs.tax,
    ...costs,
    at: requiredUnix(item, 'settled_at'),
    zone: ZONE,
    word,
  };
  const keys = keysOf(item, entity);
  const method = textAt(item, 'method');
  return linesOf(parts, item, entity).map((line) => ({
    type: 'line',
    row,
    raw,
    line,
    keys,
    ...(created === undefined ? {} : { occurredAt: created }),
    ...(method === undefined ? {} : { paymentMethod: method }),
  }));
}

/**
 * `fee` contains `tax`, and is taken off a credit or put on a debit. Where it was paid from credits bought before
 * (`credit_type`), nothing of it was taken here.
 */
function costsOf(item: JsonObject, net: bigint, amount: bigint): { fee: bigint; tax: bigint } {
  const [whole, tax] = [amountAt(item, 'fee') ?? 0n, amountAt(item, 'tax') ?? 0n];
  const taken = net >= 0n ? amount - net : -net - amount;
  // Nothing went to and fro, and nothing is said of a fee: the row moved no money.
  if (taken === 0n || (net === 0n && taken !== whole)) return { fee: 0n, tax: 0n };
  if (taken !== whole)
    throw fieldFault(
      'fee',
      String(whole),
      `is not what lies between the amount ${amount} and what was settled, ${net}`,
    );
  return { fee: whole - tax, tax };
}

function linesOf(parts: LineParts, item: JsonObject, entity: string): readonly SettlementLine[] {
  const base = lineBase(parts);
  switch (parts.word) {
    case 'payment':
      return [{ ...base, kind: 'charge', reference: entity }];
    case 'refund':
      return [{ ...base, kind: parts.gross > 0n ? 'refund_reversal' : 'refund', reference: entity }];
    case 'transfer':
    case 'reversal':
      return [{ ...base, kind: 'transfer', reference: entity }];
    case 'dispute':
    case 'adjustment': {
      const dispute = idAt(item, 'dispute_id') ?? (parts.word === 'dispute' ? entity : undefined);
      if (dispute === undefined) return [{ ...base, kind: 'adjustment' }];
      return [{ ...base, kind: parts.gross < 0n ? 'chargeback' : 'chargeback_reversal', reference: dispute }];
    }
    case 'reserve':
      return withCostsApart({ ...base, kind: parts.gross < 0n ? 'reserve_hold' : 'reserve_release', hold: 'reserve' });
    default:
      return [{ ...base, kind: 'other' }];
  }
}

function keysOf(item: JsonObject, entity: string): LineKeys {
  const payment = idAt(item, 'payment_id') ?? (entity.startsWith('pay_') ? entity : undefined);
  const merchant = merchantReference(item, 'order_receipt') ?? idAt(item, 'order_id');
  return {
    source: entity,
    ...(payment === undefined ? {} : { payment }),
    ...(merchant === undefined ? {} : { merchant }),
  };
}

function requiredAmount(item: JsonObject, name: string): bigint {
  const amount = amountAt(item, name);
  if (amount === undefined) throw fieldFault(name, undefined, 'is missing');
  return amount;
}

function requiredUnix(item: JsonObject, name: string): number {
  const text = textAt(item, name);
  const time = unixTime(text);
  if (time === undefined) throw fieldFault(name, text, 'must be a time in unix seconds');
  return time;
}
