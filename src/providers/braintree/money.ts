import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { type Json, textAt } from '../../exact-json.ts';
import { type Money, parseMajor } from '../../money.ts';

/**
 * Braintree's decimal text in major units ("10.50", also "100") as ISO minor units; undefined where amount or currency
 * is missing.
 * @throws PosternError `currency_unknown`; `amount_invalid` where it is no amount in that currency
 */
export function moneyOf(amount: string | undefined, currency: string | undefined): Money | undefined {
  if (amount === undefined || currency === undefined) return undefined;
  const exponent = currencyExponent(currency);
  if (exponent === undefined)
    throw new PosternError('currency_unknown', `how many decimals "${currency.slice(0, 16)}" has is not known`);
  return { amount: parseMajor(amount, exponent), currency };
}

/** The same, refused below zero: only disbursements have a sign. */
export function positiveMoneyOf(object: Json | undefined, name: string): Money | undefined {
  const money = moneyOf(textAt(object, name), textAt(object, 'currency-iso-code'));
  if (money !== undefined && money.amount < 0n)
    throw new PosternError('amount_invalid', `${name} of ${money.amount} is below zero`);
  return money;
}
