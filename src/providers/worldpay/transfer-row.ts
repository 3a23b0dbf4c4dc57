import { currencyExponent } from '../../currency.ts';
import { exactMinor } from '../../decimal-amount.ts';
import type { Columns } from '../../header-columns.ts';
import { wallClock } from '../../local-time.ts';
import type { SettlementLine } from '../../settlement-line.ts';
import { hashedIdentity } from '../line-identity.ts';
import type { ReportClock } from '../report-clock.ts';
import { unreadable } from '../report-faults.ts';
import { lineBase, withCostsApart } from '../report-lines.ts';
import type { ReportFault, ReportLine } from '../settlement-format.ts';
import { idOf } from './payments.ts';
import { type TransferMeaning, transferMeaning } from './transfer-events.ts';

export const TRANSFER_COLUMNS = {
  batch: ['Batch ID', 'Transfer Batch ID', 'Transfer Batch', 'Batch'],
  order: ['Order Code', 'OrderCode'],
  event: ['Event Type', 'Event', 'Journal Type', 'Journal', 'Payment Status'],
  date: ['Event Date', 'Booking Date', 'Journal Date', 'Date'],
  transferCurrency: ['Transfer Currency'],
  transferAmount: ['Transfer Amount'],
  merchant: ['Merchant Code', null],
  currency: ['Payment Currency', 'Currency', null],
  amount: ['Payment Amount', 'Amount', null],
  commission: ['Commission Amount', 'Commission', null],
  reference: ['Modification Reference', 'Reference', null],
  rate: ['Exchange Rate', null],
  method: ['Payment Method', null],
} as const;

export type TransferColumns = Columns<typeof TRANSFER_COLUMNS>;

/** How the account's export writes what is given back: an option of the export. */
export type RefundSign = 'negative' | 'positive';

/** Kinds that the ledger posts without a fee. */
const WITHOUT_COSTS: ReadonlySet<SettlementLine['kind']> = new Set([
  'reserve_hold',
  'reserve_release',
  'payout_reversal',
  'rounding',
]);
const GIVEN_BACK: ReadonlySet<TransferMeaning> = new Set(['refund', 'chargeback']);

/** A row's lines (a fee that its kind cannot carry is one of its own), or what cannot be read in it. */
export function readTransfer(
  row: number,
  cells: readonly string[],
  at: TransferColumns,
  context: { readonly clock: ReportClock; readonly raw: string; readonly refunds: RefundSign },
): readonly ReportLine[] | ReportFault {
  const cell = (n: number): string => (n < 0 ? '' : (cells[n] ?? '').trim());
  const fault = (field: string, value: string, reason: string): ReportFault =>
    unreadable({ row, field, value }, reason);
  const currency = cell(at.transferCurrency).toUpperCase();
  const exponent = currencyExponent(currency);
  if (exponent === undefined)
    return fault('Transfer Currency', currency, 'must be an ISO 4217 currency with known decimals');
  const amounts = { net: cell(at.transferAmount), commission: cell(at.commission) || '0' };
  const net = exactMinor(amounts.net, exponent);
  const commission = exactMinor(amounts.commission, exponent);
  if (net === null) return fault('Transfer Amount', amounts.net, decimals(exponent));
  if (commission === null) return fault('Commission Amount', amounts.commission, decimals(exponent));
  const written = isoDay(cell(at.date));
  const booked = context.clock.read(written);
  if (booked.kind === 'fault') return fault('Event Date', cell(at.date), 'must be a day, such as 2026-02-01');
  const event = cell(at.event);
  const meaning = transferMeaning(event);
  const isGivenBack = GIVEN_BACK.has(meaning);
  if (isGivenBack && net !== 0n && net > 0n !== (context.refunds === 'positive')) {
    const advice = `the setting report_refunds says that refunds are ${context.refunds}: set it as the export is made`;
    return fault('Transfer Amount', amounts.net, `is of a ${event}, and ${advice}`);
  }
  const sign = isGivenBack && context.refunds === 'positive' ? -1n : 1n;
  const paid = payerOf(cell(at.amount), cell(at.currency).toUpperCase(), sign);
  if (paid === null)
    return fault(
      'Payment Amount',
      `${cell(at.amount)} ${cell(at.currency)}`,
      'must be an amount in an ISO 4217 currency',
    );
  const merchantCode = cell(at.merchant);
  const id = cell(at.batch);
  if (id === '') return fault('Batch ID', '', 'must name the transfer batch');
  const batch = merchantCode === '' ? id : `${merchantCode}/${id}`;
  const signed = sign * net;
  // In one currency the payment says what was taken off; else only the commission does.
  const fee = paid !== undefined && paid.currency === currency ? paid.amount - signed : commission;
  if (cell(at.commission) !== '' && fee !== commission)
    return fault('Commission Amount', amounts.commission, 'is not what the payment less the transfer comes to');
  const order = cell(at.order);
  const modification = cell(at.reference);
  const gross = signed + fee;
  // Which moment was written, the account's `time_zone` says: a line is known by its report alone.
  const wall = String(wallClock(written));
  const base = lineBase({
    identity: hashedIdentity(batch, event, order, modification, wall, currency, gross, fee),
    batch,
    currency,
    gross,
    fee,
    tax: 0n,
    at: booked.at,
    zone: booked.zone,
    word: event,
  });
  const payer = paid === undefined || paid.currency === currency ? {} : { payer: paid };
  const line = lineOf(meaning, base, { order, modification, batch, payer });
  return (WITHOUT_COSTS.has(line.kind) ? withCostsApart(line) : [line]).map((one) => ({
    type: 'line',
    row,
    raw: context.raw,
    line: one,
    keys: {
      ...(modification === '' ? {} : { source: modification }),
      ...(order === '' ? {} : { payment: order, merchant: order }),
      ...(one.kind === 'payout' || one.kind === 'payout_reversal' ? { bank: id } : {}),
    },
    ...(cell(at.rate) === '' ? {} : { fxRate: cell(at.rate) }),
    ...(cell(at.method) === '' ? {} : { paymentMethod: cell(at.method) }),
  }));
}

const decimals = (exponent: number): string => `must be a decimal number with at most ${exponent} decimals`;

type Payer = { readonly amount: bigint; readonly currency: string };

type Named = {
  readonly order: string;
  readonly modification: string;
  readonly batch: string;
  readonly payer: { readonly payer?: Payer };
};

/** Payments and refunds are named as their webhooks are posted: by the merchant's own references. */
function lineOf(
  meaning: TransferMeaning,
  base: ReturnType<typeof lineBase>,
  { order, modification, batch, payer }: Named,
): SettlementLine {
  switch (meaning) {
    case 'charge':
    case 'chargeback':
      return order === '' ? { ...base, kind: 'other' } : { ...base, kind: meaning, reference: order, ...payer };
    case 'chargeback_reversal':
      // No webhook tells it: the line does, as of a component of its own.
      if (order === '') return { ...base, kind: 'other' };
      return { ...base, kind: meaning, reference: order, component: 'dispute', ...payer };
    case 'refund':
    case 'refund_reversal': {
      const reference = idOf(order, modification === '' ? undefined : modification);
      return order === '' ? { ...base, kind: 'other' } : { ...base, kind: meaning, reference, ...payer };
    }
    case 'fee':
      return { ...base, kind: 'fee', gross: 0n, fee: -base.net };
    case 'hold':
      return { ...base, kind: base.gross > 0n ? 'reserve_release' : 'reserve_hold', hold: 'deposit' };
    case 'payout':
    case 'payout_reversal':
      return { ...base, kind: meaning, payout: batch };
    case 'rounding':
      return { ...base, kind: 'rounding' };
    case 'other':
      return { ...base, kind: 'other' };
  }
}

/** What the payer paid, in the payment's own currency; undefined where the export does not say. */
function payerOf(text: string, currency: string, sign: bigint): Payer | undefined | null {
  if (text === '' || currency === '') return undefined;
  const exponent = currencyExponent(currency);
  const amount = exponent === undefined ? null : exactMinor(text, exponent);
  return amount === null ? null : { amount: sign * amount, currency };
}

/** `2026-02-01` as the gateway's reports have it, `02/01/2026` as iQ's do: month first. */
function isoDay(text: string): string {
  const match = /^(\d{2})\/(\d{2})\/(\d{4})(.*)$/.exec(text);
  return match === null ? text : `${match[3]}-${match[1]}-${match[2]}${match[4]}`;
}
