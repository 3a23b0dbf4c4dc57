import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { type Money, parseMinor, rescale } from '../../money.ts';

/**
 * How Adyen scales amounts where ISO 4217 says otherwise (docs.adyen.com/development-resources/currency-codes): CLP and
 * ISK have two decimals there, CVE and IDR none.
 */
const EXCEPTIONS: ReadonlyMap<string, number> = new Map([
  ['CLP', 2],
  ['CVE', 0],
  ['IDR', 0],
  ['ISK', 2],
]);

/**
 * An amount of Adyen's as ISO minor units.
 * @throws PosternError `currency_unknown` where we know no scale or it does not convert exactly; `amount_invalid`.
 */
export function adyenMoney(value: string, currency: string): Money {
  const iso = currencyExponent(currency);
  if (iso === undefined)
    throw new PosternError('currency_unknown', `how many decimals "${currency.slice(0, 16)}" has is not known`);
  const amount = parseMinor(value);
  // What goes the other way has an event code of its own.
  if (amount < 0n) throw new PosternError('amount_invalid', `"${value}" is below zero`);
  const scale = EXCEPTIONS.get(currency) ?? iso;
  if (scale > iso && amount % 10n ** BigInt(scale - iso) !== 0n) {
    throw new PosternError('currency_unknown', `${value} ${currency} has decimals that the currency has not`);
  }
  return { amount: rescale(amount, scale, iso), currency };
}
