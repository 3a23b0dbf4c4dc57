import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { type Json, textAt } from '../../exact-json.ts';
import { type Money, parseMajor } from '../../money.ts';
import { isoTime } from '../iso-time.ts';

/**
 * A `price` ({"amount":"10.50","currencyCode":"EUR"}) as ISO minor units; undefined where it is none.
 * @throws PosternError `currency_unknown`; `amount_invalid` where it is below zero or no amount in that currency
 */
export function moneyAt(object: Json | undefined, name: string): Money | undefined {
  const amount = textAt(object, name, 'amount');
  const currency = textAt(object, name, 'currencyCode');
  if (amount === undefined || currency === undefined) return undefined;
  const exponent = currencyExponent(currency);
  if (exponent === undefined)
    throw new PosternError('currency_unknown', `how many decimals "${currency.slice(0, 16)}" has is not known`);
  const minor = parseMajor(amount, exponent);
  if (minor < 0n) throw new PosternError('amount_invalid', `${name} of ${minor} is below zero`);
  return { amount: minor, currency };
}

const BASIC = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/;

/** Amazon Pay writes ISO 8601 without separators: 20190714T155300Z. */
export function timeAt(object: Json | undefined, ...path: readonly string[]): number | undefined {
  const text = textAt(object, ...path);
  return isoTime(text?.replace(BASIC, '$1-$2-$3T$4:$5:$6Z'));
}
