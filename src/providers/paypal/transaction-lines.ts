import type { SettlementLine } from '../../settlement-line.ts';
import { hashedIdentity } from '../line-identity.ts';
import { unreadable } from '../report-faults.ts';
import type { LineKeys, ReportFault, ReportLine } from '../settlement-format.ts';
import { type EventMeaning, eventMeaning } from './event-codes.ts';
import type { Section } from './report-frame.ts';
import { minorUnits, type TransactionRow } from './transaction-row.ts';

type Amounts = {
  readonly currency: string;
  readonly gross: bigint;
  readonly fee: bigint;
  readonly tax: bigint;
  readonly net: bigint;
};

/** Kinds that the ledger posts without a fee: it gets a line of its own. */
const WITHOUT_FEE: ReadonlySet<EventMeaning['is']> = new Set(['hold', 'payout_reversal', 'fx_conversion']);

/**
 * What a row settles: one line, and one more for a fee that is in another currency or that its kind cannot carry. None for what
 * moves no money. A line's identity is PayPal's: Transaction ID, event code, direction and currency.
 */
export function transactionLines(
  row: TransactionRow,
  section: Pick<Section, 'batch' | 'zone'>,
  raw: string,
): readonly ReportLine[] | ReportFault {
  const { code, isCredit, currency, feeCurrency } = row;
  const meaning = eventMeaning(code, isCredit);
  if (meaning.is === 'no_money') return [];
  const amount = minorUnits(isCredit ? row.amount : -row.amount, currency);
  const fee = row.fee === 0n ? 0n : minorUnits(row.feeIsCredit ? -row.fee : row.fee, feeCurrency);
  if (amount === null || fee === null) {
    const value = String(amount === null ? row.amount : row.fee);
    const field = amount === null ? 'Gross Transaction Amount' : 'Fee Amount';
    return unreadable({ row: row.row, field, value }, `is no amount in ${amount === null ? currency : feeCurrency}`);
  }
  const apart = fee !== 0n && (feeCurrency !== currency || WITHOUT_FEE.has(meaning.is));
  const own = lineOf(row, section, meaning, amounts(currency, amount, apart ? 0n : fee));
  const lines = [own, ...(apart ? [feeLine(own, amounts(feeCurrency, 0n, fee))] : [])];
  const keys = keysOf(row, own);
  const occurred = row.begun === null ? {} : { occurredAt: row.begun };
  return lines.map((line) => ({ type: 'line', row: row.row, raw, line, keys, ...occurred }));
}

function amounts(currency: string, gross: bigint, fee: bigint): Amounts {
  return { currency, gross, fee, tax: 0n, net: gross - fee };
}

function lineOf(
  row: TransactionRow,
  section: Pick<Section, 'batch' | 'zone'>,
  meaning: EventMeaning,
  sum: Amounts,
): SettlementLine {
  const { transaction, code, isCredit, currency, at } = row;
  const name = transaction === '' ? unnamed(row) : transaction;
  const original = row.reference === '' ? name : row.reference;
  const identity = `${name}:${code}:${isCredit ? 'CR' : 'DR'}:${currency}`;
  const { batch, zone } = section;
  const base = { type: 'settlement.line' as const, identity, batch, at, zone, word: code, ...sum };
  switch (meaning.is) {
    case 'movement':
      return { ...base, kind: meaning.kind, reference: meaning.named === 'own' ? name : original };
    case 'dispute':
      // The case's id is in no row: the transaction disputed stands for it, as in the webhook of its outcome.
      return {
        ...base,
        kind: isCredit ? 'chargeback_reversal' : 'chargeback',
        reference: original,
        component: 'dispute',
      };
    case 'dispute_fee':
      return {
        ...base,
        ...costOf(sum),
        kind: isCredit ? 'chargeback_reversal' : 'chargeback',
        reference: original,
        component: 'dispute',
      };
    case 'fee':
      return { ...base, ...costOf(sum), kind: 'fee' };
    case 'hold':
      return { ...base, kind: isCredit ? 'reserve_release' : 'reserve_hold', hold: original };
    case 'payout':
      return { ...base, kind: 'payout', payout: name };
    case 'topup':
      return { ...base, kind: 'topup', payout: name };
    case 'payout_reversal':
      return { ...base, kind: 'payout_reversal', payout: original };
    case 'fx_conversion':
      return { ...base, kind: 'fx_conversion' };
    case 'adjustment':
      return { ...base, kind: 'adjustment' };
    case 'other':
    case 'no_money':
      return { ...base, kind: 'other' };
  }
}

/** A row that is a fee itself: what it takes is no gross of anything. */
function costOf({ currency, net }: Amounts): Amounts {
  return { currency, gross: 0n, fee: -net, tax: 0n, net };
}

function feeLine(own: SettlementLine, sum: Amounts): SettlementLine {
  const { type, identity, batch, at, zone, word } = own;
  const base = { type, identity: `${identity}:fee`, batch, at, zone, ...(word === undefined ? {} : { word }), ...sum };
  return 'reference' in own ? { ...base, kind: own.kind, reference: own.reference } : { ...base, kind: 'fee' };
}

function keysOf(row: TransactionRow, line: SettlementLine): LineKeys {
  const { transaction, reference, referenceType, invoice, custom, bank } = row;
  const merchant = invoice === '' ? custom : invoice;
  const isPayout = line.kind === 'payout' || line.kind === 'topup' || line.kind === 'payout_reversal';
  return {
    ...(transaction === '' ? {} : { source: transaction }),
    // ODR, SUB and PAP are orders, subscriptions and agreements.
    ...(reference !== '' && referenceType === 'TXN' ? { payment: reference } : {}),
    ...(merchant === '' ? {} : { merchant }),
    ...(isPayout && bank !== '' ? { bank } : {}),
  };
}

/** A row without an id is known by what it says. */
function unnamed({ code, currency, amount, fee, feeCurrency, at, reference, invoice, custom }: TransactionRow): string {
  return hashedIdentity(code, currency, amount, fee, feeCurrency, String(at), reference, invoice, custom);
}
