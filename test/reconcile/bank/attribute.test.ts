import { describe, expect, it } from 'vitest';
import {
  attribute,
  type BankOwner,
  bankKey,
  type KnownPayout,
  payoutKeys,
} from '../../../src/reconcile/bank/attribute.ts';
import type { BankEntry } from '../../../src/reconcile/bank-format.ts';

const IBAN = 'DE02120300000000202051';

const entry = (parts: Partial<BankEntry> = {}): BankEntry => ({
  ...{ type: 'entry', row: 1, raw: '', account: IBAN, statement: 'S', identity: 'i', amount: 100n, currency: 'EUR' },
  ...{ at: 0, valueAt: null, references: [], counterparty: { name: null, account: null }, text: '', reversal: false },
  ...parts,
});
const owner = (provider: string, pattern: BankOwner['pattern'] = null, bankAccount = IBAN): BankOwner => ({
  ...{ provider, account: 'main', bankAccount, pattern },
});
const payouts = (
  ...list: readonly [provider: string, name: string, reference?: string][]
): Map<string, KnownPayout[]> => {
  const known = new Map<string, KnownPayout[]>();
  for (const [provider, name, reference = name] of list) {
    const key = bankKey(name);
    known.set(key, [...(known.get(key) ?? []), { provider, account: 'main', reference }]);
  }
  return known;
};
const nothing = payouts();

describe('the payout an entry names', () => {
  it.each([
    ['as a reference', { references: ['po_1AbC234'] }],
    ['in other letters', { references: ['PO1ABC234'] }],
    ['within a text', { text: 'STRIPE PAYOUT PO-1ABC234 THANK YOU' }],
    ['broken by blanks', { text: 'REF po_1Ab C234 END' }],
    ['broken by a wrapped subfield', { text: 'EREF+po_1A bC2 34' }],
  ])('is found %s', (_name, parts) => {
    expect(attribute(entry(parts), [owner('stripe')], payouts(['stripe', 'po_1AbC234']))).toEqual({
      ...{ kind: 'owned', provider: 'stripe', account: 'main', payouts: ['po_1AbC234'] },
    });
  });

  it('may be several, each once', () => {
    const one = entry({ references: ['po_1AbC234'], text: 'po_1AbC234, po_999999' });
    const known = payouts(['stripe', 'po_1AbC234'], ['stripe', 'po_999999']);
    expect(attribute(one, [owner('stripe')], known)).toMatchObject({ payouts: ['po_1AbC234', 'po_999999'] });
  });

  it('says more than a pattern', () => {
    const owners = [owner('stripe', { name: 'PSP' }), owner('adyen')];
    const one = entry({ references: ['TX12345XT'], counterparty: { name: 'PSP Ltd', account: null } });
    expect(attribute(one, owners, payouts(['adyen', 'TX12345XT']))).toMatchObject({ provider: 'adyen' });
  });

  it('is no account’s that is paid elsewhere', () => {
    const owners = [owner('stripe', null, 'GB33BUKB20201555555555')];
    expect(attribute(entry({ references: ['po_1AbC234'] }), owners, payouts(['stripe', 'po_1AbC234']))).toEqual({
      kind: 'nobody',
    });
  });

  it('named alike by two accounts is decided by their patterns, or by nobody', () => {
    const known = payouts(['stripe', 'REF12345'], ['adyen', 'REF12345']);
    const one = entry({ references: ['REF12345'], counterparty: { name: 'Adyen N.V.', account: null } });
    expect(attribute(one, [owner('stripe'), owner('adyen', { name: 'adyen' })], known)).toMatchObject({
      provider: 'adyen',
    });
    expect(attribute(one, [owner('stripe'), owner('adyen')], known)).toMatchObject({
      kind: 'ambiguous',
      owners: [{}, {}],
    });
  });

  it('is never a short word, or one without a digit', () => {
    expect(payoutKeys({ references: ['AB12', 'PAYOUT', 'INVOICE'], text: 'THANK YOU' })).toEqual([]);
  });

  it('costs no more for a text without end', () => {
    const text = Array.from({ length: 10_000 }, (_, n) => `A${n}B`).join(' ');
    expect(payoutKeys({ references: Array.from({ length: 1_000 }, () => text), text }).length).toBeLessThanOrEqual(
      1_000,
    );
  });
});

describe('the pattern of an account', () => {
  const stripe = owner('stripe', { name: 'stripe technology', text: 'payout' });

  it('fits whatever case and blanks, in all its parts', () => {
    const one = entry({ counterparty: { name: 'STRIPE  TECHNO LOGY EUROPE', account: null }, text: 'Pay Out 7' });
    expect(attribute(one, [stripe], nothing)).toEqual({
      kind: 'owned',
      provider: 'stripe',
      account: 'main',
      payouts: [],
    });
    expect(attribute({ ...one, text: 'Rent' }, [stripe], nothing)).toEqual({ kind: 'nobody' });
    expect(attribute({ ...one, counterparty: { name: null, account: null } }, [stripe], nothing)).toEqual({
      kind: 'nobody',
    });
  });

  it('finds its text in references, and an account in whatever form', () => {
    const adyen = owner('adyen', { account: 'NL12 INGB 0001', text: 'TX' });
    const one = entry({ counterparty: { name: null, account: 'NL12INGB0001' }, references: ['TX77'] });
    expect(attribute(one, [adyen], nothing)).toMatchObject({ provider: 'adyen' });
  });

  it('of two accounts says nothing', () => {
    const both = [owner('stripe', { name: 'psp' }), owner('adyen', { name: 'psp' })];
    expect(attribute(entry({ counterparty: { name: 'PSP', account: null } }), both, nothing)).toMatchObject({
      kind: 'ambiguous',
    });
  });

  it('that is empty fits nothing', () => {
    expect(attribute(entry(), [owner('stripe', {}), owner('adyen', { name: ' ' })], nothing)).toEqual({
      kind: 'nobody',
    });
  });

  it.each([
    ['DE02 1203 0000 0000 2020 51', IBAN, true],
    ['12030000/202051', IBAN, true],
    [IBAN, '12030000/0000202051', true],
    ['12030000/202052', IBAN, false],
    ['4001', '04001', false],
  ])('knows %s and %s as the same bank account: %s', (setting, told, isSame) => {
    const one = entry({ account: told, counterparty: { name: 'PSP', account: null } });
    expect(attribute(one, [owner('stripe', { name: 'psp' }, setting)], nothing).kind).toBe(isSame ? 'owned' : 'nobody');
  });
});
