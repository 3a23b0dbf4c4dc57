import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PosternError } from '../src/errors.ts';
import { AMOUNT_MAX, formatMajor, parseMajor, parseMinor, proportion, rescale } from '../src/money.ts';

const MAX = '9223372036854775807';
const BEYOND = '9223372036854775808';

/** What it says where it refuses: with the text it was given, shortened where that is long. */
function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof PosternError && error.code === 'amount_invalid') return error.message;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('parseMinor', () => {
  it.each([
    ['0', 0n],
    ['-0', 0n],
    ['7', 7n],
    ['-7', -7n],
    ['10', 10n],
    ['9007199254740993', 9_007_199_254_740_993n],
    [MAX, AMOUNT_MAX],
    [`-${MAX}`, -AMOUNT_MAX],
  ])('reads %s', (text, amount) => expect(parseMinor(text)).toBe(amount));

  it.each([
    '',
    '-',
    '+1',
    '01',
    '-01',
    '00',
    '1.0',
    '1e3',
    '1_000',
    '1,000',
    ' 1',
    '1 ',
    '1\n',
    '0x10',
    '١',
    'a',
    'NaN',
    '1a',
    'a1',
  ])('refuses %j', (text) =>
    expect(refusal(() => parseMinor(text))).toBe(`"${text}" is not a whole number of minor units`),
  );

  it.each([BEYOND, `-${BEYOND}`, '9'.repeat(40)])('refuses %s, which does not fit a posting', (text) =>
    expect(refusal(() => parseMinor(text))).toBe(`"${text}" is not an amount that fits 64 bits`),
  );

  it('refuses a long text before it is read, and shows only where it begins', () => {
    expect(refusal(() => parseMinor('1'.repeat(41)))).toBe(`"${'1'.repeat(40)}…" is not a whole number of minor units`);
  });
});

describe('parseMajor', () => {
  it.each([
    ['10.5', 2, 1050n],
    ['10.50', 2, 1050n],
    ['10.5000', 2, 1050n],
    ['10', 2, 1000n],
    ['0010.05', 2, 1005n],
    ['0.07', 2, 7n],
    ['-0.07', 2, -7n],
    ['-12.34', 2, -1234n],
    ['1.234', 3, 1234n],
    ['1.2', 3, 1200n],
    ['1.2345', 4, 12_345n],
    ['500', 0, 500n],
    ['500.00', 0, 500n],
    ['-0', 2, 0n],
    ['92233720368547758.07', 2, AMOUNT_MAX],
    ['-92233720368547758.07', 2, -AMOUNT_MAX],
    // Where a JS number would be off by a cent.
    ['90071992547409.93', 2, 9_007_199_254_740_993n],
    [`${'0'.repeat(38)}.5`, 1, 5n],
  ])('reads %s with %i decimals', (text, exponent, amount) => expect(parseMajor(text, exponent)).toBe(amount));

  it.each([
    '',
    '.',
    '.5',
    '5.',
    '-.5',
    '--1',
    '+1',
    '1.2.3',
    '1,5',
    '1e2',
    ' 1',
    '1 ',
    '1.5 ',
    '1.5\n',
    'x1.5',
    '1.5x',
    '1.-5',
    '€5',
  ])('refuses %j', (text) => expect(refusal(() => parseMajor(text, 2))).toBe(`"${text}" is not a decimal number`));

  it.each([
    ['10.555', 2],
    ['10.001', 2],
    ['10.0010', 2],
    ['-0.009', 2],
    ['1.5', 0],
    ['1.2341', 3],
  ])('refuses %s with %i decimals: nothing is rounded', (text, exponent) =>
    expect(refusal(() => parseMajor(text, exponent))).toBe(
      `"${text}" is not a number with at most ${exponent} decimals`,
    ),
  );

  it.each(['92233720368547758.08', '-92233720368547758.08'])('refuses %s, which does not fit a posting', (text) =>
    expect(refusal(() => parseMajor(text, 2))).toBe(`"${text}" is not an amount that fits 64 bits`),
  );

  it('refuses a text of more than 40 characters', () => {
    const text = `${'0'.repeat(38)}.50`;
    expect(refusal(() => parseMajor(text, 2))).toBe(`"${text.slice(0, 40)}…" is not a decimal number`);
  });
});

describe('rescale', () => {
  it.each([
    [1050n, 2, 2, 1050n],
    [500n, 0, 2, 50_000n],
    [-500n, 2, 3, -5000n],
    [50_000n, 2, 0, 500n],
    [-50_000n, 2, 0, -500n],
    [1230n, 3, 2, 123n],
    [0n, 3, 0, 0n],
    [AMOUNT_MAX, 2, 2, AMOUNT_MAX],
    [-AMOUNT_MAX, 2, 2, -AMOUNT_MAX],
  ])('%s of 10^%i as 10^%i is %s', (amount, from, to, expected) => expect(rescale(amount, from, to)).toBe(expected));

  it('refuses what is no whole unit, of either sign', () => {
    expect(refusal(() => rescale(1234n, 3, 2))).toBe(
      '"1234" is not a multiple of 10, because the currency has 2 decimals',
    );
    expect(refusal(() => rescale(-50_001n, 2, 0))).toBe(
      '"-50001" is not a multiple of 100, because the currency has 0 decimals',
    );
  });

  it('refuses what no longer fits a posting', () => {
    expect(refusal(() => rescale(AMOUNT_MAX, 2, 3))).toBe(`"${MAX}" is not an amount that fits 64 bits`);
    expect(refusal(() => rescale(AMOUNT_MAX + 1n, 2, 2))).toBe(`"${BEYOND}" is not an amount that fits 64 bits`);
    expect(refusal(() => rescale(-AMOUNT_MAX, 2, 3))).toBe(`"-${MAX}" is not an amount that fits 64 bits`);
  });
});

describe('formatMajor', () => {
  it.each([
    [1050n, 2, '10.50'],
    [5n, 2, '0.05'],
    [-5n, 2, '-0.05'],
    [0n, 2, '0.00'],
    [100n, 2, '1.00'],
    [-12_345n, 3, '-12.345'],
    [7n, 4, '0.0007'],
    [500n, 0, '500'],
    [-500n, 0, '-500'],
    [0n, 0, '0'],
    [-AMOUNT_MAX, 2, '-92233720368547758.07'],
  ])('%s with %i decimals is %s', (amount, exponent, text) => expect(formatMajor(amount, exponent)).toBe(text));

  it('is read back as the same amount', () => {
    fc.assert(
      fc.property(fc.bigInt(-AMOUNT_MAX, AMOUNT_MAX), fc.nat(4), (amount, exponent) => {
        expect(parseMajor(formatMajor(amount, exponent), exponent)).toBe(amount);
      }),
    );
  });
});

describe('proportion', () => {
  it.each([
    [100n, 1n, 3n, 33n],
    [-100n, 1n, 3n, -33n],
    [100n, 2n, 3n, 66n],
    [1n, 1n, 2n, 0n],
    [100n, 3n, 3n, 100n],
    [0n, 1n, 3n, 0n],
    [100n, 0n, 3n, 0n],
    // The product is beyond 64 bits on the way.
    [AMOUNT_MAX, AMOUNT_MAX - 1n, AMOUNT_MAX, AMOUNT_MAX - 1n],
  ])('%s × %s/%s is %s', (amount, part, whole, expected) => expect(proportion(amount, part, whole)).toBe(expected));

  it('of nothing is nothing, and no division by zero', () => expect(proportion(100n, 5n, 0n)).toBe(0n));

  it('never gives out more than there is', () => {
    const amounts = fc.bigInt(0n, AMOUNT_MAX);
    fc.assert(
      fc.property(amounts, fc.array(fc.bigInt(0n, 1_000_000n), { minLength: 1, maxLength: 8 }), (amount, parts) => {
        const whole = parts.reduce((sum, part) => sum + part, 0n);
        const given = parts.reduce((sum, part) => sum + proportion(amount, part, whole), 0n);
        expect(given <= amount).toBe(true);
        if (whole > 0n) expect(amount - given < BigInt(parts.length)).toBe(true);
      }),
    );
  });
});
