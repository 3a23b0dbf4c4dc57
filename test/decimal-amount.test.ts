import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decimal, decimalText, exactMinor, negated, product, rounded, smallMinor, sum } from '../src/decimal-amount.ts';
import { parseMajor } from '../src/money.ts';

test.each([
  ['10.5', 2, 1050n],
  ['-10', 2, -1000n],
  ['+0.01', 2, 1n],
  ['.5', 2, 50n],
  ['0', 0, 0n],
  ['-0.00', 2, 0n],
  ['1780', 0, 1780n],
  ['1780.00', 0, 1780n],
  ['1.234', 3, 1234n],
  ['12.5000', 2, 1250n],
  ['1.000000000000000', 2, 100n],
  ['90071992547409.93', 2, 9_007_199_254_740_993n],
  ['92233720368547758.07', 2, 2n ** 63n - 1n],
])('%s with %i decimals', (text, exponent, minor) => expect(exactMinor(text, exponent)).toBe(minor));

test.each([
  '',
  '-',
  '+',
  '.',
  '5.',
  '1,5',
  '1 000',
  '1e3',
  '0x1',
  '--1',
  '1.2.3',
  '12-',
  '£1',
  '١',
  'NaN',
  '1'.repeat(41),
])('no decimal: %s', (text) => {
  expect(exactMinor(text, 2)).toBeNull();
  expect(decimal(text)).toBeNull();
});

test.each([
  ['1.005', 2],
  ['0.5', 0],
  ['92233720368547758.08', 2],
])('not exactly minor units that can be kept: %s', (text, exponent) => expect(exactMinor(text, exponent)).toBeNull());

test.each([
  ['0.005', 0n, '0.5'],
  ['0.015', 2n, '-0.5'],
  ['0.025', 2n, '0.5'],
  ['-0.005', 0n, '-0.5'],
  ['-0.015', -2n, '0.5'],
  ['0.01499999', 1n, '0.499999'],
  ['0.00500001', 1n, '-0.499999'],
  ['79.505', 7950n, '0.5'],
  ['-1.12345678', -112n, '-0.345678'],
])('rounds %s half to even and keeps what is left over', (text, minor, residue) =>
  expect(rounded(decimal(text) ?? { units: 1n, scale: 0 }, 2)).toEqual({ minor, residue }),
);

const exact = fc
  .tuple(fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }), fc.integer({ min: 0, max: 12 }))
  .map(([units, scale]) => ({ units, scale }));

test('what is rounded and what is left over are always the whole, and at most half a unit is left over', () => {
  fc.assert(
    fc.property(exact, fc.integer({ min: 0, max: 4 }), (value, exponent) => {
      const { minor, residue } = rounded(value, exponent);
      const left = decimal(residue ?? '0') ?? { units: 1n, scale: 0 };
      const whole = sum({ units: minor, scale: exponent }, { ...left, scale: left.scale + exponent });
      const difference = sum(whole, negated(value));
      expect(difference.units).toBe(0n);
      expect(left.units * 2n <= 10n ** BigInt(left.scale) && left.units * -2n <= 10n ** BigInt(left.scale)).toBe(true);
    }),
  );
});

test('the quick way and the exact way agree, and so does parseMajor', () => {
  fc.assert(
    fc.property(exact, fc.integer({ min: 0, max: 4 }), (value, exponent) => {
      const text = decimalText(value);
      expect(decimal(text)?.units).toBeDefined();
      const quick = smallMinor(text, exponent);
      const slow = rounded(value, exponent);
      if (quick !== null) expect({ minor: BigInt(quick), residue: undefined }).toEqual(slow);
      const isKept = slow.residue === undefined && slow.minor <= 2n ** 63n - 1n && slow.minor >= -(2n ** 63n) + 1n;
      expect(exactMinor(text, exponent)).toBe(isKept ? parseMajor(text, exponent) : null);
    }),
  );
});

test('products are exact', () =>
  expect(product({ units: 535n, scale: 2 }, { units: 10656568n, scale: 7 })).toEqual({ units: 5701263880n, scale: 9 }));
