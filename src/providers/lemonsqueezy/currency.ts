import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { type Json, textAt } from '../../exact-json.ts';
import { type Money, parseMinor } from '../../money.ts';

/**
 * Whole "cents" in the object's own currency (docs.lemonsqueezy.com/api/orders/the-order-object). What a cent of a yen or
 * a dinar is, the documents do not say: such amounts are parked, never scaled by guess. Undefined where it is not there.
 * @throws PosternError `currency_unknown`, `amount_invalid` (also below zero)
 */
export function centsAt(attributes: Json | undefined, name: string): Money | undefined {
  const text = textAt(attributes, name);
  if (text === undefined) return undefined;
  const currency = textAt(attributes, 'currency') ?? '';
  if (currencyExponent(currency) !== 2)
    throw new PosternError(
      'currency_unknown',
      `what Lemon Squeezy calls a cent of "${currency.slice(0, 20)}" is not known`,
    );
  const amount = parseMinor(text);
  if (amount < 0n) throw new PosternError('amount_invalid', `${name} is below zero: ${amount}`);
  return { amount, currency };
}
