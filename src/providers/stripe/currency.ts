import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { parseMinor, rescale } from '../../money.ts';

/**
 * How Stripe scales amounts (docs.stripe.com/currencies) where ISO 4217 says otherwise: ISK and UGX have no decimals in
 * life but are sent times 100 (always ..00); MGA is sent whole although it has two. HUF and TWD are no exception here:
 * their amounts have two decimals, only payouts must be whole.
 */
const EXCEPTIONS: ReadonlyMap<string, number> = new Map([
  ['ISK', 2],
  ['UGX', 2],
  ['MGA', 0],
]);
const NO_DECIMALS = new Set('BIF CLP DJF GNF JPY KMF KRW PYG RWF VND VUV XAF XOF XPF'.split(' '));
const THREE_DECIMALS = new Set('BHD JOD KWD OMR TND'.split(' '));

export type IsoCurrency = { readonly code: string; readonly stripeExponent: number; readonly isoExponent: number };

/**
 * Stripe's lower-case code as an ISO 4217 currency with both scales.
 * @throws PosternError `currency_unknown` where we know no scale: a guess would be wrong by a factor of 10 or 100.
 */
export function stripeCurrency(text: string): IsoCurrency {
  const code = text.toUpperCase();
  const isoExponent = currencyExponent(code);
  const stripeExponent = isoExponent === undefined ? undefined : exponentAtStripe(code, isoExponent);
  if (isoExponent === undefined || stripeExponent === undefined) {
    throw new PosternError('currency_unknown', `how Stripe scales amounts in "${text.slice(0, 16)}" is not known`);
  }
  return { code, stripeExponent, isoExponent };
}

function exponentAtStripe(code: string, isoExponent: number): number | undefined {
  const exception = EXCEPTIONS.get(code);
  if (exception !== undefined) return exception;
  if (NO_DECIMALS.has(code)) return 0;
  if (THREE_DECIMALS.has(code)) return 3;
  // Whatever else has other than two decimals (IQD, LYD, CLF …) is not in Stripe's list.
  return isoExponent === 2 ? 2 : undefined;
}

/**
 * An amount as Stripe sends it, in ISO minor units.
 * @throws PosternError `amount_invalid` when it is no whole number; `currency_unknown` when it does not convert exactly.
 */
export function isoAmount(text: string, currency: IsoCurrency): bigint {
  const amount = parseMinor(text);
  const surplus = currency.stripeExponent - currency.isoExponent;
  if (surplus > 0 && amount % 10n ** BigInt(surplus) !== 0n) {
    throw new PosternError('currency_unknown', `${text} ${currency.code} has decimals that the currency has not`);
  }
  return rescale(amount, currency.stripeExponent, currency.isoExponent);
}
