import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { at, isObject, type Json, type JsonObject, textAt } from '../../exact-json.ts';
import { parseMinor } from '../../money.ts';

/** Unix seconds as ms; undefined for what is no such number. */
export function unixTime(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,11}$/.test(text) ? Number(text) * 1000 : undefined;
}

/** `payload.<name>.entity`. */
export function entityOf(body: Json, name: string): JsonObject | undefined {
  const entity = at(body, 'payload', name, 'entity');
  return isObject(entity) ? entity : undefined;
}

/**
 * An amount in the currency's smallest unit, which is ISO 4217's also for JPY and KWD
 * (razorpay.com/docs/payments/international-payments). Undefined where it is not there or null.
 * @throws PosternError `amount_invalid`: no amount of Razorpay's is below zero.
 */
export function amountAt(entity: JsonObject, name: string): bigint | undefined {
  const text = textAt(entity, name);
  if (text === undefined) return undefined;
  const amount = parseMinor(text);
  if (amount < 0n) throw new PosternError('amount_invalid', `the ${name} ${text} is below zero`);
  return amount;
}

/** @throws PosternError `currency_unknown` */
export function knownCurrency(code: string): string {
  if (currencyExponent(code) === undefined) {
    throw new PosternError('currency_unknown', `how many decimals "${code.slice(0, 20)}" has is not known`);
  }
  return code;
}
