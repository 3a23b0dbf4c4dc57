import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { type Json, textAt } from '../../exact-json.ts';
import { type Money, parseMinor } from '../../money.ts';

/**
 * Text in the lowest denomination, ISO 4217 without exceptions (developer.paddle.com/concepts/sell/supported-currencies):
 * "1500". Undefined where it is absent or null. @throws PosternError `currency_unknown`, `amount_invalid`
 */
export function moneyOf(object: Json | undefined, amount: string, currency: string | undefined): Money | undefined {
  const text = textAt(object, amount);
  if (text === undefined) return undefined;
  if (currency === undefined || currencyExponent(currency) === undefined) {
    throw new PosternError('currency_unknown', `how many decimals "${(currency ?? '').slice(0, 20)}" has is not known`);
  }
  const value = parseMinor(text);
  if (value < 0n) throw new PosternError('amount_invalid', `${amount} is below zero: ${value}`);
  return { amount: value, currency };
}
