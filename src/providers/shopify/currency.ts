import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { type Json, textAt } from '../../exact-json.ts';
import { type Money, parseMajor } from '../../money.ts';

/**
 * {"amount":"199.00","currency":"USD"} in ISO minor units: decimals as text, in major units of ISO 4217. Undefined where
 * there is no amount. @throws PosternError `currency_unknown`, `amount_invalid` (also below zero)
 */
export function moneyOf(object: Json | undefined): Money | undefined {
  const text = textAt(object, 'amount');
  if (text === undefined) return undefined;
  const currency = textAt(object, 'currency') ?? '';
  const exponent = currencyExponent(currency);
  if (exponent === undefined)
    throw new PosternError('currency_unknown', `how many decimals "${currency.slice(0, 20)}" has is not known`);
  const amount = parseMajor(text, exponent);
  if (amount < 0n) throw new PosternError('amount_invalid', `an amount of ${amount} is below zero`);
  return { amount, currency };
}
