/**
 * ISO 4217: how many decimals each currency has (list one, with the amendments since: XCG, XAD, ZWG). Processors that
 * scale otherwise keep their exceptions in their own folder. Funds, metals and test codes that have no minor unit (XAU,
 * XDR, XTS, XXX …) are left out on purpose: an amount in them is parked for a person.
 */
const NO_DECIMALS = 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF';
const TWO_DECIMALS =
  'AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW ' +
  'CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ' +
  'ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR ' +
  'MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN ' +
  'SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG';
/** Withdrawn since 2023, still in books, old events and replays; all of two decimals. */
const WITHDRAWN = 'HRK SLL ZWL';
const THREE_DECIMALS = 'BHD IQD JOD KWD LYD OMR TND';
const FOUR_DECIMALS = 'CLF UYW';

const EXPONENTS: ReadonlyMap<string, number> = new Map([
  ...entries(NO_DECIMALS, 0),
  ...entries(TWO_DECIMALS, 2),
  ...entries(WITHDRAWN, 2),
  ...entries(THREE_DECIMALS, 3),
  ...entries(FOUR_DECIMALS, 4),
]);

function entries(codes: string, exponent: number): [string, number][] {
  return codes.split(' ').map((code) => [code, exponent]);
}

/** Decimals of an ISO 4217 currency (upper case code), or undefined where we do not know the currency. */
export function currencyExponent(code: string): number | undefined {
  return EXPONENTS.get(code);
}

/** ISO 4217: no currency is involved, as of a file that is not there. */
export const NO_CURRENCY = 'XXX';
