import { currencyExponent } from '../../currency.ts';
import { formatMajor } from '../../money.ts';

/** Currencies unknown to us stay in minor units. */
const EXPONENT_UNKNOWN = 0;

export const decimalsOf = (currency: string): number => currencyExponent(currency) ?? EXPONENT_UNKNOWN;

/** "10.50" of EUR, "1050" of JPY. */
export const major = (amount: bigint, currency: string): string => formatMajor(amount, decimalsOf(currency));
