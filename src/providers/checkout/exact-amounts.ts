import { type Decimal, inBounds, rounded, sum } from '../../decimal-amount.ts';
import { leftOver } from '../report-sums.ts';

/** A line's amounts before rounding, signed from the merchant's side; what is taken as fee or tax is positive. */
export type Exact = { readonly gross: Decimal; readonly fee: Decimal; readonly tax: Decimal };

export type Rounded = {
  readonly gross: bigint;
  readonly fee: bigint;
  readonly tax: bigint;
  readonly net: bigint;
  /** What rounding gave up of the net, in minor units. */
  readonly residue: string | undefined;
};

export const NOTHING: Decimal = { units: 0n, scale: 0 };

/**
 * Checkout.com writes up to eight decimals. Gross, fee and tax are rounded half to even, each once for a whole action, and the net
 * is what is left, so that every line balances. Null: beyond 64 bits.
 */
export function roundedAmounts({ gross, fee, tax }: Exact, exponent: number): Rounded | null {
  const g = rounded(gross, exponent).minor;
  const f = rounded(fee, exponent).minor;
  const t = rounded(tax, exponent).minor;
  const net = g - f - t;
  if (![g, f, t, net].every(inBounds)) return null;
  return { gross: g, fee: f, tax: t, net, residue: leftOver(inMinor(netOf({ gross, fee, tax }), exponent), net) };
}

export function netOf({ gross, fee, tax }: Exact): Decimal {
  return sum(gross, minus(fee), minus(tax));
}

export function minus({ units, scale }: Decimal): Decimal {
  return { units: -units, scale };
}

/** The same in minor units. */
export function inMinor({ units, scale }: Decimal, exponent: number): Decimal {
  return scale >= exponent
    ? { units, scale: scale - exponent }
    : { units: units * 10n ** BigInt(exponent - scale), scale: 0 };
}

/** Checkout.com writes thousandths of a second, mostly none of them: without them a time is read ten times as fast. */
export function plainTime(text: string): string {
  return text.endsWith('.000') ? text.slice(0, -4) : text;
}
