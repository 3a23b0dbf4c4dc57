import { PosternError } from './errors.ts';

/** An amount in minor units of an ISO 4217 currency, exact. Never a JS number: 0.1 + 0.2 is no way to keep books. */
export type Money = { readonly amount: bigint; readonly currency: string };

/** Postgres keeps postings as int8; what does not fit is refused by name instead of by an overflow deep in SQL. */
export const AMOUNT_MAX = 2n ** 63n - 1n;

const INTEGER = /^-?(0|[1-9]\d*)$/;
const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;
const DIGITS_MAX = 40;

/** An integer text of minor units. @throws PosternError `amount_invalid` for anything but an integer that fits 64 bits. */
export function parseMinor(text: string): bigint {
  if (text.length > DIGITS_MAX || !INTEGER.test(text)) throw invalid(text, 'a whole number of minor units');
  return bounded(BigInt(text), text);
}

/**
 * A decimal text in major units ("10.5") with `exponent` digits after the point, as minor units (1050n).
 * @throws PosternError `amount_invalid` when it is no decimal or does not convert exactly.
 */
export function parseMajor(text: string, exponent: number): bigint {
  const match = text.length > DIGITS_MAX ? null : DECIMAL.exec(text);
  if (match === null) throw invalid(text, 'a decimal number');
  const [, sign, whole = '0', fraction = ''] = match;
  const kept = fraction.slice(0, exponent).padEnd(exponent, '0');
  if (/[1-9]/.test(fraction.slice(exponent))) throw invalid(text, `a number with at most ${exponent} decimals`);
  const value = BigInt(whole + kept);
  return bounded(sign === '-' ? -value : value, text);
}

/** Minor units that a provider scales by `10^from`, as the `10^to` of ISO 4217. @throws `amount_invalid` unless exact. */
export function rescale(amount: bigint, from: number, to: number): bigint {
  if (to >= from) return bounded(amount * 10n ** BigInt(to - from), String(amount));
  const divisor = 10n ** BigInt(from - to);
  if (amount % divisor !== 0n)
    throw invalid(String(amount), `a multiple of ${divisor}, because the currency has ${to} decimals`);
  return amount / divisor;
}

/** "1050" with exponent 2 as "10.50", for people. */
export function formatMajor(amount: bigint, exponent: number): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(exponent + 1, '0');
  const whole = digits.slice(0, digits.length - exponent);
  const sign = amount < 0n ? '-' : '';
  return exponent === 0 ? sign + whole : `${sign}${whole}.${digits.slice(digits.length - exponent)}`;
}

/**
 * Splits `amount` by `part/whole`, rounded down in magnitude; the caller gives the remainder to whoever comes last, so
 * that no minor unit is lost.
 */
export function proportion(amount: bigint, part: bigint, whole: bigint): bigint {
  if (whole === 0n) return 0n;
  return (amount * part) / whole;
}

function bounded(value: bigint, text: string): bigint {
  if (value > AMOUNT_MAX || value < -AMOUNT_MAX) throw invalid(text, 'an amount that fits 64 bits');
  return value;
}

function invalid(text: string, wanted: string): PosternError {
  const shown = text.length > DIGITS_MAX ? `${text.slice(0, DIGITS_MAX)}…` : text;
  return new PosternError('amount_invalid', `"${shown}" is not ${wanted}`);
}
