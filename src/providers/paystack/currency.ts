import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { type Json, textAt } from '../../exact-json.ts';
import { type Money, parseMinor } from '../../money.ts';

const DECIMALS = 2;

/**
 * An amount in the subunit: kobo, pesewas, cents. Whether a currency without one (XOF, RWF) is multiplied by 100 all the
 * same is told by no document we could read, so only currencies of two decimals are taken.
 * Undefined where the amount is not there. @throws PosternError `currency_unknown`, `amount_invalid`
 */
export function moneyAt(data: Json | undefined, name: string): Money | undefined {
  const text = textAt(data, name);
  if (text === undefined) return undefined;
  const currency = textAt(data, 'currency') ?? '';
  if (currencyExponent(currency) !== DECIMALS) {
    throw new PosternError(
      'currency_unknown',
      `how Paystack writes amounts in "${currency.slice(0, 20)}" is not confirmed`,
    );
  }
  const amount = parseMinor(text);
  if (amount < 0n) throw new PosternError('amount_invalid', `the ${name} ${text} is below zero`);
  return { amount, currency };
}
