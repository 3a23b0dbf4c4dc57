import { data } from 'currency-codes';
import { describe, expect, it } from 'vitest';
import { currencyExponent } from '../src/currency.ts';

/** ISO lists these with "N.A." minor units; the package writes 0. Nothing is paid in them. */
const WITHOUT_MINOR_UNIT = 'XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX'.split(' ');

describe('currencyExponent', () => {
  it('agrees with the ISO 4217 list on every currency', () => {
    const iso = data.filter((currency) => !WITHOUT_MINOR_UNIT.includes(currency.code));
    expect(iso.length).toBeGreaterThan(160);
    expect(iso.filter((currency) => currencyExponent(currency.code) !== currency.digits)).toEqual([]);
  });

  it('does not know metals, funds without minor units, other spellings and nonsense', () => {
    for (const code of [...WITHOUT_MINOR_UNIT, 'usd', 'USDC', '', 'XYZ', '__proto__', 'constructor']) {
      expect(currencyExponent(code), code).toBeUndefined();
    }
  });

  it('knows those the processors scale otherwise as ISO has them', () => {
    const codes = ['CLP', 'CVE', 'HUF', 'IDR', 'ISK', 'MGA', 'TWD', 'UGX', 'KWD'];
    expect(codes.map(currencyExponent)).toEqual([0, 2, 2, 2, 0, 2, 2, 0, 3]);
  });
});
