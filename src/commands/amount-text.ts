import { currencyExponent } from '../currency.ts';
import { formatMajor } from '../money.ts';

/** Minor units of a currency we do not know are shown as they are. */
const EXPONENT_UNKNOWN = 0;

/** "1050", "EUR" as "EUR 10.50". */
export function amountText(amount: string, currency: string): string {
  return `${currency} ${formatMajor(BigInt(amount), currencyExponent(currency) ?? EXPONENT_UNKNOWN)}`;
}
