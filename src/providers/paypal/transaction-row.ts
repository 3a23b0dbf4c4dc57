import { currencyExponent } from '../../currency.ts';
import { AMOUNT_MAX } from '../../money.ts';
import type { ReportClock } from '../report-clock.ts';
import { unreadable } from '../report-faults.ts';
import type { ReportFault } from '../settlement-format.ts';
import type { TransactionColumns } from './report-columns.ts';
import type { ReportRecord } from './report-records.ts';
import { reportTime } from './report-time.ts';

/** A row of a body as it stands: amounts are hundredths of the currency's unit without a sign, also of yen. */
export type TransactionRow = {
  readonly type: 'row';
  readonly row: number;
  readonly transaction: string;
  readonly reference: string;
  readonly referenceType: string;
  readonly code: string;
  readonly isCredit: boolean;
  readonly amount: bigint;
  readonly currency: string;
  readonly feeIsCredit: boolean;
  readonly fee: bigint;
  readonly feeCurrency: string;
  /** Not in STL: S, V, D or P. */
  readonly status: string;
  readonly at: number;
  readonly begun: number | null;
  readonly invoice: string;
  readonly custom: string;
  readonly bank: string;
};

/** Succeeded, and succeeded but reversed since, which another row says. Denied and pending ones moved nothing (yet). */
export const MOVED: ReadonlySet<string> = new Set(['', 'S', 'V']);

const AMOUNT = /^\d{1,18}$/;

/** A row of STL or TRR, or what cannot be read in it. */
export function readTransaction(
  { row, cells }: ReportRecord,
  at: TransactionColumns,
  clock: ReportClock,
): TransactionRow | ReportFault {
  const cell = (n: number): string => (n < 0 ? '' : (cells[n] ?? '').trim());
  const fault = (field: string, value: string, reason: string): ReportFault =>
    unreadable({ row, field, value }, reason);
  const amount = cell(at.amount);
  if (!AMOUNT.test(amount))
    return fault(
      'Gross Transaction Amount',
      amount,
      'must be a whole number, hundredths of the currency without a sign',
    );
  const direction = directionOf(cell(at.direction));
  if (direction === null) return fault('Transaction Debit or Credit', cell(at.direction), 'must be CR or DR');
  const currency = cell(at.currency).toUpperCase();
  if (currencyExponent(currency) === undefined)
    return fault('Gross Transaction Currency', currency, 'must be an ISO 4217 currency with known decimals');
  const feeText = cell(at.fee);
  if (feeText !== '' && !AMOUNT.test(feeText))
    return fault('Fee Amount', feeText, 'must be a whole number, hundredths of the currency without a sign');
  const fee = BigInt(feeText === '' ? '0' : feeText);
  const feeDirection = directionOf(cell(at.feeDirection));
  if (fee !== 0n && feeDirection === null)
    return fault('Fee Debit or Credit', cell(at.feeDirection), 'must be CR or DR where there is a fee');
  const feeCurrency = cell(at.feeCurrency).toUpperCase() || currency;
  if (fee !== 0n && currencyExponent(feeCurrency) === undefined)
    return fault('Fee Currency', feeCurrency, 'must be an ISO 4217 currency with known decimals');
  const completed = reportTime(cell(at.completed), clock);
  if (completed === null)
    return fault(
      'Transaction Completion Date',
      cell(at.completed),
      'must be a time, such as 2026/01/06 23:31:39 -0800',
    );
  return {
    type: 'row',
    row,
    transaction: cell(at.transaction),
    reference: cell(at.reference),
    referenceType: cell(at.referenceType).toUpperCase(),
    code: cell(at.code).toUpperCase(),
    isCredit: direction === 'CR',
    amount: BigInt(amount),
    currency,
    feeIsCredit: feeDirection === 'CR',
    fee,
    feeCurrency,
    status: cell(at.status).toUpperCase(),
    at: completed.at,
    begun: reportTime(cell(at.begun), clock)?.at ?? null,
    invoice: cell(at.invoice),
    custom: cell(at.custom),
    bank: cell(at.bank),
  };
}

function directionOf(text: string): 'CR' | 'DR' | null {
  const word = text.toUpperCase();
  return word === 'CR' || word === 'DR' ? word : null;
}

/** Hundredths as ISO 4217 minor units; null where the currency has no such part, or Postgres no such number. */
export function minorUnits(hundredths: bigint, currency: string): bigint | null {
  const exponent = currencyExponent(currency);
  if (exponent === undefined) return null;
  if (exponent >= HUNDREDTHS) return bounded(hundredths * 10n ** BigInt(exponent - HUNDREDTHS));
  const divisor = 10n ** BigInt(HUNDREDTHS - exponent);
  return hundredths % divisor === 0n ? bounded(hundredths / divisor) : null;
}

const HUNDREDTHS = 2;

/** The other way round, without the sign. */
export function hundredthsOf(minor: bigint, exponent: number): bigint {
  const magnitude = minor < 0n ? -minor : minor;
  return exponent <= HUNDREDTHS
    ? magnitude * 10n ** BigInt(HUNDREDTHS - exponent)
    : magnitude / 10n ** BigInt(exponent - HUNDREDTHS);
}

function bounded(amount: bigint): bigint | null {
  return amount <= AMOUNT_MAX && amount >= -AMOUNT_MAX ? amount : null;
}
