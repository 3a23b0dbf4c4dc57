import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { type Json, textAt } from '../../exact-json.ts';
import { type Money, parseMinor, rescale } from '../../money.ts';

/**
 * How Checkout.com scales amounts: these are whole, these are divided by 1000 and end in 0, all others by 100, CLP too,
 * which has no decimals in life. checkout.com/docs/payments/accept-payments/format-the-amount-value
 */
const WHOLE = new Set('BIF DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF'.split(' '));
const THOUSANDTHS = new Set('BHD IQD JOD KWD LYD OMR TND'.split(' '));

/**
 * {"amount":6540,"currency":"USD"} in ISO minor units; undefined where it is not there.
 * @throws PosternError `amount_invalid`; `currency_unknown` where the scale is not known, or the amount shows another one.
 */
export function moneyAt(data: Json | undefined): Money | undefined {
  const text = textAt(data, 'amount');
  const currency = textAt(data, 'currency');
  if (text === undefined || currency === undefined) return undefined;
  const iso = currencyExponent(currency);
  const scale = scaleOf(currency, iso);
  if (iso === undefined || scale === undefined) {
    throw new PosternError('currency_unknown', `how amounts in "${currency.slice(0, 20)}" are scaled is not known`);
  }
  const amount = parseMinor(text);
  if (amount < 0n) throw new PosternError('amount_invalid', `an amount of ${amount} is below zero`);
  const unit = scale === 3 ? 10n : 10n ** BigInt(scale - iso);
  if (amount % unit !== 0n) {
    throw new PosternError('currency_unknown', `${text} ${currency} is no multiple of ${unit}, as its scale demands`);
  }
  return { amount: rescale(amount, scale, iso), currency };
}

function scaleOf(currency: string, iso: number | undefined): 0 | 2 | 3 | undefined {
  if (WHOLE.has(currency)) return 0;
  if (THOUSANDTHS.has(currency)) return 3;
  // CLF, UYI and UYW are in no list, and what "all others" would make of them is nobody's intention.
  return iso === 2 || currency === 'CLP' ? 2 : undefined;
}
