import { currencyExponent } from '../../currency.ts';
import { formatMajor } from '../../money.ts';
import type { Cell } from './table.ts';

/** Of a currency nobody knows the decimals of: then both are minor units, and nothing is divided by a guess. */
const EXPONENT_UNKNOWN = 0;

export function exponentOf(currency: Cell | undefined): number {
  return typeof currency === 'string' ? (currencyExponent(currency) ?? EXPONENT_UNKNOWN) : EXPONENT_UNKNOWN;
}

/** "-100.00" of −10000 EUR. */
export const majorText = (amount: bigint, currency: Cell | undefined): string =>
  formatMajor(amount, exponentOf(currency));
