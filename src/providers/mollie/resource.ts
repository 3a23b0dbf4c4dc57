import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { type Json, textAt } from '../../exact-json.ts';
import { type Money, parseMajor } from '../../money.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import { isoTime } from '../iso-time.ts';
import type { ObjectReference } from '../provider.ts';

/** What one of Mollie's objects means. A text says why nothing posts. */
export type Meaning = {
  readonly references: readonly ObjectReference[];
  readonly amount: Money | null;
} & (
  | { readonly kind: 'effects'; readonly effects: readonly PaymentEvent[] }
  | { readonly kind: 'no_effect' | 'unknown' | 'incomplete'; readonly reason: string }
  /** A snapshot that leaves out what carries the money. */
  | { readonly kind: 'fetch'; readonly payment: string; readonly reason: string }
);

/**
 * {"value":"10.00","currency":"EUR"} in ISO minor units; undefined where it is not there or null. Mollie writes as many
 * decimals as a currency has (docs.mollie.com/docs/payments-multicurrency).
 * @throws PosternError `currency_unknown`, `amount_invalid`
 */
export function moneyAt(object: Json | undefined, ...path: readonly string[]): Money | undefined {
  const value = textAt(object, ...path, 'value');
  if (value === undefined) return undefined;
  const currency = textAt(object, ...path, 'currency') ?? '';
  const exponent = currencyExponent(currency);
  if (exponent === undefined) {
    throw new PosternError('currency_unknown', `how many decimals "${currency.slice(0, 20)}" has is not known`);
  }
  return { amount: parseMajor(value, exponent), currency };
}

/** Refunds, captures and chargebacks are written without a sign. @throws PosternError `amount_invalid` */
export function positiveMoneyAt(object: Json | undefined, name: string): Money | undefined {
  const money = moneyAt(object, name);
  if (money !== undefined && money.amount < 0n) {
    throw new PosternError('amount_invalid', `the ${name} ${money.amount} is below zero`);
  }
  return money;
}

/** The first of these times that the object tells. */
export function firstTime(object: Json, fallback: number, ...names: readonly string[]): number {
  for (const name of names) {
    const time = isoTime(textAt(object, name));
    if (time !== undefined) return time;
  }
  return fallback;
}
