import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { type Json, textAt } from '../../exact-json.ts';
import { type Money, parseMinor } from '../../money.ts';

/**
 * {"amount":1000,"currency":"USD"} in ISO minor units: Square has no exceptions
 * (developer.squareup.com/docs/build-basics/working-with-monetary-amounts). Undefined where it is not there.
 * @throws PosternError `currency_unknown` for UNKNOWN_CURRENCY and everything else we do not know; `amount_invalid`.
 */
export function moneyAt(object: Json | undefined, ...path: readonly (string | number)[]): Money | undefined {
  const value = textAt(object, ...path, 'amount');
  if (value === undefined) return undefined;
  const currency = textAt(object, ...path, 'currency') ?? '';
  if (currencyExponent(currency) === undefined) {
    throw new PosternError('currency_unknown', `how many decimals "${currency.slice(0, 20)}" has is not known`);
  }
  return { amount: parseMinor(value), currency };
}
