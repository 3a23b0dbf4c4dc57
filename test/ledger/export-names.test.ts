import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accountName } from '../../src/ledger/export/account-name.ts';
import { createOneLine } from '../../src/ledger/export/text.ts';

/** Beancount's own rule, of ASCII alone: what it and hledger both take. */
const VALID = /^(Assets|Liabilities|Equity|Income|Expenses)(:[A-Z0-9][A-Za-z0-9-]*)+$/;

const ROOTS = ['asset', 'liability', 'equity', 'income', 'expense', 'memo'];

describe('the name of an account', () => {
  it.each([
    ['asset:processor_pending:stripe:acct_1AbC', 'Assets:Processor-pending:Stripe:Acct-1AbC'],
    ['income:revenue', 'Income:Revenue'],
    ['memo:authorisations_contra', 'Equity:Memo:Authorisations-contra'],
    ['equity:memo:authorisations_contra', 'Equity:Xmemo:Authorisations-contra'],
    ['equity:before', 'Equity:Xbefore'],
    ['asset:client:0190-abcd', 'Assets:Client:0190--abcd'],
    ['asset:client:ACME GmbH', 'Assets:Client:XACME-x20-GmbH'],
    ['asset:client:a%3Ab', 'Assets:Client:A-x25-3Ab'],
    ['asset:client:Ünal', 'Assets:Client:X-xDC-nal'],
    ['asset:client:😀', 'Assets:Client:X-x1F600-'],
    ['asset:client:', 'Assets:Client:X'],
    ['asset:client:x', 'Assets:Client:Xx'],
    ['asset:client:_x20-', 'Assets:Client:X-x5F-x20--'],
  ])('of %s is %s', (path, name) => {
    expect(accountName(path)).toBe(name);
  });

  it.each([
    ['a_b', 'a-b', 'a__b', 'a--b', 'a_-b', 'a-_b', 'a_x5F_b', 'a x5F b'],
    ['Stripe', 'stripe', 'XStripe', 'xStripe', 'xstripe', 'Xstripe'],
    ['a:b', 'a%3Ab', 'a%253Ab'],
    ['x', 'X', '', '_', '-', 'x_', 'x-', '_x', '-x', 'Xx', 'xx', 'XX'],
    ['a', 'A', '\u00e1', 'a\u0301', '\u0430'],
    [' a', 'a ', 'a', 'a\u00a0', 'a\n', 'a\t', 'a\\n'],
  ])('is never that of another: %j', (...ids) => {
    const names = ids.map((id) => accountName(`asset:client:${id}`));
    expect(new Set(names).size).toBe(ids.length);
    for (const name of names) expect(name).toMatch(VALID);
  });

  it('is never that of another, whatever ids are made of', () => {
    const part = fc.oneof(
      fc.string({ unit: fc.constantFrom('a', 'x', 'X', 'Z', '0', '_', '-', ' ', '%', 'é', '2', 'D', '5', 'F') }),
      fc.string({ unit: 'binary' }).map((text) => text.replaceAll(':', '').toWellFormed()),
      fc.constantFrom('memo', 'before', 'Memo', 'Xmemo'),
    );
    const path = fc
      .tuple(fc.constantFrom(...ROOTS), fc.array(part, { minLength: 1, maxLength: 3 }))
      .map(([root, parts]) => [root, ...parts].join(':'));
    fc.assert(
      fc.property(path, path, (one, other) => {
        expect(accountName(one)).toMatch(VALID);
        expect(accountName(one) === accountName(other)).toBe(one === other);
      }),
      { numRuns: 20_000 },
    );
  });

  it.each(['asset', 'what:ever', ''])('is not made up where there is none: %j', (path) => {
    expect(() => accountName(path)).toThrow('of no type');
  });
});

describe('a text on one line', () => {
  const oneLine = createOneLine(',;[]|');

  it('is the inside of a JSON string, and has nothing left that a tool would read', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const safe = oneLine(text);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be left
        expect(safe).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202e,;[\]|]/);
        expect(JSON.parse(`"${safe.replaceAll('"', '\\"')}"`)).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  it('leaves ordinary ids as they are', () => {
    expect(oneLine('stripe:acct_1:ch_1:captured')).toBe('stripe:acct_1:ch_1:captured');
  });
});
