import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { type Json, textAt } from '../../exact-json.ts';
import { type Money, parseMajor } from '../../money.ts';

/**
 * {"amount":"100.00","currency":"USD"}, decimals as text. Only the merchant's local currency is kept in books: the
 * coins beside it have up to 18 decimals and no ISO 4217 code, and are parked where nothing else is told.
 * @throws PosternError `currency_unknown`, `amount_invalid` (also below zero)
 */
export function localMoney(priced: Json | undefined): Money | undefined {
  const text = textAt(priced, 'local', 'amount');
  if (text === undefined) return undefined;
  const currency = textAt(priced, 'local', 'currency') ?? '';
  const exponent = currencyExponent(currency);
  if (exponent === undefined)
    throw new PosternError('currency_unknown', `"${currency.slice(0, 20)}" is no currency of ISO 4217`);
  const amount = parseMajor(text, exponent);
  if (amount < 0n) throw new PosternError('amount_invalid', `an amount of ${amount} is below zero`);
  return { amount, currency };
}
