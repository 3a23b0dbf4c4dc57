import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { type Json, textAt } from '../../exact-json.ts';
import { type Money, parseMinor, rescale } from '../../money.ts';
import type { EndpointSettings } from '../provider.ts';

const EXPONENT = 2;

/**
 * {"value":250,"currencyCode":"EUR"}: "a whole number with an exponent of 2". That is right for currencies of two
 * decimals; what Worldpay sends for others is agreed upon with each merchant (`currency_exponents`), and parked until it
 * is told. Undefined where there is no amount. docs.worldpay.com/access/products/events
 * @throws PosternError `currency_unknown`, `amount_invalid`
 */
export function moneyAt(details: Json | undefined, settings: EndpointSettings): Money | undefined {
  const text = textAt(details, 'amount', 'value');
  const currency = textAt(details, 'amount', 'currencyCode');
  if (text === undefined || currency === undefined) return undefined;
  const iso = currencyExponent(currency);
  const scale = exponentsOf(settings)[currency] ?? (iso === EXPONENT ? EXPONENT : undefined);
  if (iso === undefined || scale === undefined) {
    throw new PosternError(
      'currency_unknown',
      `how Worldpay scales amounts in "${currency.slice(0, 20)}" is not known: currency_exponents says so`,
    );
  }
  const value = parseMinor(text);
  if (value < 0n) throw new PosternError('amount_invalid', `an amount of ${value} is below zero`);
  if (scale > iso && value % 10n ** BigInt(scale - iso) !== 0n) {
    throw new PosternError('currency_unknown', `${text} ${currency} with ${scale} decimals has more than the currency`);
  }
  return { amount: rescale(value, scale, iso), currency };
}

/** Of the setting `currency_exponents`: `{"JPY": 0}`; what is none of it is left out. */
export function exponentsOf(settings: EndpointSettings): Readonly<Record<string, number>> {
  const { currency_exponents: told } = settings;
  if (typeof told !== 'object' || told === null || Array.isArray(told)) return {};
  const entries = Object.entries(told).filter(
    (entry): entry is [string, number] => Number.isInteger(entry[1]) && Number(entry[1]) >= 0 && Number(entry[1]) <= 4,
  );
  return Object.fromEntries(entries);
}
