import { type Json, textAt } from '../../exact-json.ts';
import type { JsonRecord } from '../../json-records.ts';
import type { SettlementLine } from '../../settlement-line.ts';
import {
  contradiction,
  fieldFault,
  idAt,
  type JsonReading,
  readJsonReport,
  requiredId,
  requiredTime,
} from '../json-report.ts';
import { costLine, type LineParts, lineBase, withCostsApart } from '../report-lines.ts';
import type { LineKeys, ReportContext, ReportItem, SettlementFormat } from '../settlement-format.ts';
import { moneyAt } from './currency.ts';
import { squareKind } from './settlement-kinds.ts';

/**
 * Payouts with their entries, as the Payouts API answers: `{"payout":{…}}` or `{"payouts":[…]}`, then the pages
 * `{"payout_entries":[…],"cursor":…}`, one after another.
 */
export const payoutEntries: SettlementFormat = {
  name: 'payout_entries',
  title: 'Payout entries (Payouts API)',
  role: () => 'money',
  mode: 'payout',
  proof:
    'The entries of a batch payout come to its amount, where the file holds the payout too; the last page names no other.',
  documentation: [
    'https://developer.squareup.com/reference/square/payouts-api',
    'https://developer.squareup.com/reference/square/enums/ActivityType',
  ],
  recognises: (head) => /"payout_entries"\s*:\s*\[|"payouts?"\s*:\s*[[{]/.test(head),
  read: (source, context) => readJsonReport(source, ['payout', 'payouts', 'payout_entries'], reading(context)),
};

function reading(context: ReportContext): JsonReading {
  let further: { readonly row: number; readonly batch: string } | null = null;
  let batch = '';

  function cutShort(): readonly ReportItem[] {
    if (further === null) return [];
    const { row } = further;
    const told = contradiction({
      row,
      field: 'cursor',
      value: null,
      reason: 'the page names another that is not in the file: fetch the payout again, to its last page',
      batch: further.batch,
    });
    further = null;
    return [told];
  }

  return {
    record(record) {
      if (record.place !== 'payout_entries') return [...cutShort(), ...payoutItems(record, context)];
      batch = requiredId(record.value, 'payout_id');
      return entryItems(record, context);
    },
    document({ value, number, places }) {
      if (!places.includes('payout_entries')) return [];
      further = textAt(value, 'cursor') === undefined ? null : { row: number, batch };
      return [];
    },
    end: cutShort,
  };
}

/**
 * A payout of one transfer is paid ahead of what it is paid of, and turns up among the entries of a later batch, which name its
 * amount only. Both hand that amount over under one name, in whichever files and order they come.
 */
const ahead = (amount: bigint) => ({ kind: 'carry_forward', from: 'SIMPLE', to: String(amount) }) as const;

function payoutItems(record: JsonRecord, { zone }: ReportContext): ReportItem[] {
  const { value: told, number: row, raw } = record;
  const payout = requiredId(told, 'id');
  const money = moneyAt(told, 'amount_money');
  if (money === undefined) throw fieldFault('amount_money', undefined, 'is missing');
  const { amount, currency } = money;
  const isSimple = textAt(told, 'type') === 'SIMPLE';
  const bank = idAt(told, 'end_to_end_id');
  const at = requiredTime(told, 'created_at');
  const parts = { identity: payout, batch: payout, currency, gross: -amount, fee: 0n, tax: 0n, at, zone };
  const base = lineBase({ ...parts, word: isSimple ? 'SIMPLE' : 'BATCH' });
  const keys = { source: payout, ...(bank === undefined ? {} : { bank }) };
  const lines: SettlementLine[] = [{ ...base, kind: 'payout', payout }];
  if (isSimple) lines.push({ ...base, ...ahead(amount), identity: `${payout}/ahead`, gross: amount, net: amount });
  return [
    ...lines.map((line): ReportItem => ({ type: 'line', row, raw, line, keys })),
    { type: 'batch', batch: payout, currency, opening: 0n, closing: 0n, from: at, to: at },
  ];
}

function entryItems({ value: entry, number: row, raw }: JsonRecord, { zone }: ReportContext): ReportItem[] {
  const [gross, fee, net] = ['gross_amount_money', 'fee_amount_money', 'net_amount_money'].map((name) =>
    moneyAt(entry, name),
  );
  if (gross === undefined || net === undefined) throw fieldFault('net_amount_money', undefined, 'or gross is missing');
  if (gross.currency !== net.currency || (fee !== undefined && fee.currency !== net.currency))
    throw fieldFault('net_amount_money', net.currency, 'is in another currency than gross or fee');
  const taken = fee?.amount ?? 0n;
  if (net.amount !== gross.amount - taken)
    throw fieldFault('net_amount_money', String(net.amount), `is not gross ${gross.amount} − fee ${taken}`);
  const word = textAt(entry, 'type') ?? 'OTHER';
  const parts: LineParts = {
    identity: requiredId(entry, 'id'),
    batch: requiredId(entry, 'payout_id'),
    currency: net.currency,
    gross: gross.amount,
    fee: taken,
    tax: 0n,
    at: requiredTime(entry, 'effective_at'),
    zone,
    word,
  };
  const details = `type_${word.toLowerCase()}_details`;
  const keys = keysOf(entry, details);
  return linesOf(parts, entry, details).map((line) => ({ type: 'line', row, raw, line, keys }));
}

function linesOf(parts: LineParts, entry: Json, details: string): readonly SettlementLine[] {
  const { gross } = parts;
  const base = lineBase(parts);
  const id = (name: string): string | undefined => idAt(entry, details, name);
  const kind = squareKind(parts.word);
  switch (kind) {
    case 'charge':
    case 'refund':
    case 'dispute': {
      const reference = id(kind === 'charge' ? 'payment_id' : `${kind}_id`);
      // Without it nothing could ever settle it: suspense shows it.
      if (reference === undefined) return [{ ...base, kind: 'adjustment' }];
      const of = kind === 'dispute' ? (gross < 0n ? 'chargeback' : 'chargeback_reversal') : kind;
      return [{ ...base, kind: of, reference }];
    }
    case 'platform_fee':
      // A payment's application fee has no id of its own, and no webhook.
      return [{ ...base, kind, reference: parts.identity }];
    case 'hold':
    case 'release':
      return withCostsApart({ ...base, kind: `reserve_${kind}`, hold: id('payment_id') ?? 'reserve' });
    case 'fee':
    case 'tax':
      return [costLine(kind, parts)];
    case 'payout':
      return withCostsApart({ ...base, ...ahead(-gross) });
    case 'adjustment':
    case 'other':
      return [{ ...base, kind }];
  }
}

function keysOf(entry: Json, details: string): LineKeys {
  const payment = idAt(entry, details, 'payment_id');
  const source = idAt(entry, details, 'refund_id') ?? idAt(entry, details, 'dispute_id');
  return { ...(source === undefined ? {} : { source }), ...(payment === undefined ? {} : { payment }) };
}
