import { currencyExponent } from '../currency.ts';
import { messageOf } from '../errors.ts';
import { parseMajor } from '../money.ts';

export type ReadAmount =
  | { readonly amount: bigint }
  | { readonly field: 'amount' | 'currency'; readonly fault: string };

const DECIMALS = /\.(\d+)$/;

/**
 * An amount in major units as text ("100.00"), as minor units of its currency. Stricter than what adapters read: a zero
 * too many is refused as well, because who writes three decimals of a currency that has two means another currency.
 */
export function readMajor(text: string, currency: string): ReadAmount {
  const exponent = currencyExponent(currency);
  if (exponent === undefined)
    return { field: 'currency', fault: `"${currency}" is no currency of ISO 4217 (three capital letters)` };
  const decimals = DECIMALS.exec(text)?.[1]?.length ?? 0;
  if (decimals > exponent)
    return {
      field: 'amount',
      fault: `has ${decimals} decimals; ${currency} has ${exponent === 0 ? 'none' : exponent}`,
    };
  try {
    const amount = parseMajor(text, exponent);
    return amount > 0n ? { amount } : { field: 'amount', fault: 'must be more than zero' };
  } catch (error) {
    return { field: 'amount', fault: `${messageOf(error)}; write it out in major units, as "100.00"` };
  }
}
