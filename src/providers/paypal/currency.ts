import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { type Money, parseMajor, rescale } from '../../money.ts';

/**
 * PayPal writes major units, and takes no decimals in these although ISO 4217 has two for HUF and TWD
 * (developer.paypal.com/api/rest/reference/currency-codes).
 */
const NO_DECIMALS: ReadonlySet<string> = new Set(['HUF', 'JPY', 'TWD']);

/**
 * An amount of PayPal's ("10.50") as ISO minor units.
 * @throws PosternError `currency_unknown` where we know no scale; `amount_invalid` where it is no amount in it.
 */
export function paypalMoney(value: string, currency: string): Money {
  const iso = currencyExponent(currency);
  if (iso === undefined)
    throw new PosternError('currency_unknown', `how many decimals "${currency.slice(0, 16)}" has is not known`);
  const exponent = NO_DECIMALS.has(currency) ? 0 : iso;
  return { amount: rescale(parseMajor(value, exponent), exponent, iso), currency };
}
