import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { type Json, textAt } from '../../exact-json.ts';
import { type Money, parseMajor } from '../../money.ts';

/**
 * Amounts are JSON numbers in major units, IDR among them: 50000 is Rp 50.000, which ISO 4217 counts as 5,000,000 sen.
 * Undefined where none of the names is there. @throws PosternError `currency_unknown`, `amount_invalid`
 */
export function moneyAt(object: Json, ...names: readonly string[]): Money | undefined {
  const text = names.map((name) => textAt(object, name)).find((one) => one !== undefined);
  if (text === undefined) return undefined;
  const currency = textAt(object, 'currency') ?? '';
  const exponent = currencyExponent(currency);
  if (exponent === undefined) {
    throw new PosternError('currency_unknown', `how many decimals "${currency.slice(0, 20)}" has is not known`);
  }
  const amount = parseMajor(text, exponent);
  if (amount < 0n) throw new PosternError('amount_invalid', `the amount ${text} is below zero`);
  return { amount, currency };
}
