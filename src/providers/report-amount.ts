import { currencyExponent } from '../currency.ts';
import { type Decimal, decimal, decimalText, inBounds, negated, rounded, sum } from '../decimal-amount.ts';
import { formatMajor } from '../money.ts';
import type { ReportFault } from './settlement-format.ts';

/** A cell that is wrong: its column's name, what stood there, why. */
export type CellFault = { readonly field: string; readonly value: string; readonly reason: string };

const SHOWN_MAX = 200;

export function unreadableCell(row: number, { field, value, reason }: CellFault): ReportFault {
  return { type: 'fault', kind: 'unreadable', row, field, value: value.slice(0, SHOWN_MAX), reason };
}

export const NOT_DECIMAL = 'must be a decimal number with a point, such as -12.34';
export const NOT_CURRENCY = 'must be the ISO 4217 code of a currency, such as EUR';

/** Codes as reports write them, in either case, with their decimals; most rows have the code of the row before. */
export function createCurrencyReader(): (text: string) => { readonly code: string; readonly exponent: number } | null {
  let lastText: string | undefined;
  let last: { code: string; exponent: number } | null = null;
  return (text) => {
    if (text === lastText) return last;
    const code = text.trim().toUpperCase();
    const exponent = currencyExponent(code);
    last = exponent === undefined ? null : { code, exponent };
    lastText = text;
    return last;
  };
}

export type SplitAmount = {
  readonly gross: bigint;
  readonly fee: bigint;
  /** gross − fee, so that every line balances in minor units. */
  readonly net: bigint;
  /** Exact net minus `net`, in minor units. */
  readonly residue: string | undefined;
};

/** Gross and fee that have digits below the minor unit: each rounded half to even, net what they leave. Null: beyond 64 bits. */
export function splitAmount(gross: Decimal, fee: Decimal, exponent: number): SplitAmount | null {
  const g = rounded(gross, exponent).minor;
  const f = rounded(fee, exponent).minor;
  const net = g - f;
  if (!inBounds(g) || !inBounds(f) || !inBounds(net)) return null;
  const left = sum(gross, negated(fee), negated({ units: net, scale: exponent }));
  if (left.units === 0n) return { gross: g, fee: f, net, residue: undefined };
  const residue = decimalText({ units: left.units * 10n ** BigInt(exponent), scale: left.scale });
  return { gross: g, fee: f, net, residue };
}

/** A cell's decimal; an empty one is nothing. */
export function decimalOrZero(text: string): Decimal | null {
  return text === '' ? ZERO : decimal(text);
}

const ZERO: Decimal = { units: 0n, scale: 0 };

/** "12.34 EUR", for people. */
export function money(amount: bigint, currency: string): string {
  return `${formatMajor(amount, currencyExponent(currency) ?? 0)} ${currency}`;
}
