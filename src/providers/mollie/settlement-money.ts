import { currencyExponent } from '../../currency.ts';
import { type Decimal, decimal, rounded } from '../../decimal-amount.ts';
import { at, type Json, textAt } from '../../exact-json.ts';
import { fieldFault } from '../json-report.ts';

/** Months, and what belongs into them, are Amsterdam's. */
export const ZONE = 'Europe/Amsterdam';

/** An amount of a settlement or a balance, which has four decimals where it is a cost: in minor units, exact. */
export type ExactMoney = { readonly exact: Decimal; readonly currency: string };

/** Undefined where it is not there or null. @throws PosternError where it is none */
export function exactMoneyAt(object: Json | undefined, ...path: readonly string[]): ExactMoney | undefined {
  if (at(object, ...path) === undefined || at(object, ...path) === null) return undefined;
  const value = textAt(object, ...path, 'value');
  const currency = textAt(object, ...path, 'currency') ?? '';
  const exponent = currencyExponent(currency);
  if (exponent === undefined)
    throw fieldFault(
      path.join('.'),
      currency,
      `is in a currency whose decimals are not known: "${currency.slice(0, 20)}"`,
    );
  const major = value === undefined ? null : decimal(value);
  if (major === null) throw fieldFault(path.join('.'), value, 'must be a decimal number');
  return { exact: { units: major.units * 10n ** BigInt(exponent), scale: major.scale }, currency };
}

/** @throws PosternError where it is not there */
export function requiredMoneyAt(object: Json | undefined, ...path: readonly string[]): ExactMoney {
  const money = exactMoneyAt(object, ...path);
  if (money === undefined) throw fieldFault(path.join('.'), undefined, 'is missing');
  return money;
}

/** Half to even. */
export const wholeMinor = (exact: Decimal): bigint => rounded(exact, 0).minor;
