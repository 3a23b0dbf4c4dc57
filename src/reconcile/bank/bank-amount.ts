import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { formatMajor, parseMajor } from '../../money.ts';

/** Currencies of statements from before the euro, which banks still hand out as samples and archives. */
const BEFORE_THE_EURO: ReadonlyMap<string, number> = new Map([
  ...['ATS', 'DEM', 'FIM', 'FRF', 'IEP', 'NLG'].map((code): [string, number] => [code, 2]),
  ...['BEF', 'ESP', 'GRD', 'ITL', 'LUF', 'PTE'].map((code): [string, number] => [code, 0]),
]);

/** Decimals of a currency a statement may be in, or undefined. */
export const bankExponent = (currency: string): number | undefined =>
  currencyExponent(currency) ?? BEFORE_THE_EURO.get(currency);

// SWIFT writes "6800," and "0,"; banks also "C500" and ",50".
const DECIMAL = /^(\d*)(?:[.,](\d*))?$/;

export type AmountRead = { readonly kind: 'amount'; readonly value: bigint } | AmountFault;
export type AmountFault = { readonly kind: 'fault'; readonly reason: string };

/** A decimal without sign and thousands, with comma or point, in minor units. What the currency cannot have is a fault, never rounded. */
export function readAmount(text: string, currency: string): AmountRead {
  const exponent = bankExponent(currency);
  if (exponent === undefined) return fault(`in ${currency || 'no currency'}: must be in a currency of ISO 4217`);
  const match = DECIMAL.exec(text);
  if (match === null || (match[1] === '' && (match[2] ?? '') === '')) return fault('must be a decimal number');
  const [, whole, fraction] = match;
  try {
    return { kind: 'amount', value: parseMajor(`${whole || '0'}${fraction ? `.${fraction}` : ''}`, exponent) };
  } catch (error) {
    if (error instanceof PosternError) return fault(error.message);
    throw error;
  }
}

/** For people: "10.50 EUR". */
export function moneyText(amount: bigint, currency: string): string {
  return `${formatMajor(amount, bankExponent(currency) ?? 0)} ${currency}`;
}

const fault = (reason: string): AmountFault => ({ kind: 'fault', reason });
