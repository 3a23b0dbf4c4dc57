import { describe, expect, it } from 'vitest';
import { type BankOwner, ownerOf } from '../../../src/reconcile/bank/owner.ts';
import type { BankEntry } from '../../../src/reconcile/bank-format.ts';

const IBAN = 'DE02120300000000202051';

const entry = (parts: Partial<BankEntry> = {}): BankEntry => ({
  ...{ type: 'entry', row: 1, raw: '', account: IBAN, statement: 'S', identity: 'i', amount: 100n, currency: 'EUR' },
  ...{ at: 0, valueAt: null, references: [], counterparty: { name: null, account: null }, text: '', reversal: false },
  ...parts,
});
const owner = (provider: string, pattern: BankOwner['pattern'], bankAccount = IBAN): BankOwner => ({
  ...{ provider, account: 'main', bankAccount, pattern },
});

describe('the pattern of an account', () => {
  const stripe = owner('stripe', { name: 'stripe technology', text: 'payout' });

  it('fits whatever case and blanks, in all its parts', () => {
    const one = entry({ counterparty: { name: 'STRIPE  TECHNO LOGY EUROPE', account: null }, text: 'Pay Out 7' });
    expect(ownerOf(one, [stripe])).toBe(stripe);
    expect(ownerOf({ ...one, text: 'Rent' }, [stripe])).toBeNull();
    expect(ownerOf({ ...one, counterparty: { name: null, account: null } }, [stripe])).toBeNull();
  });

  it('finds its text in references, and an account in whatever form', () => {
    const adyen = owner('adyen', { account: 'NL12 INGB 0001', text: 'TX' });
    const one = entry({ counterparty: { name: null, account: 'NL12INGB0001' }, references: ['TX77'] });
    expect(ownerOf(one, [adyen])).toBe(adyen);
  });

  it('of two accounts says nothing', () => {
    const both = [owner('stripe', { name: 'psp' }), owner('adyen', { name: 'psp' })];
    expect(ownerOf(entry({ counterparty: { name: 'PSP', account: null } }), both)).toBeNull();
  });

  it('that is empty fits nothing', () => {
    expect(ownerOf(entry(), [owner('stripe', {})])).toBeNull();
    expect(ownerOf(entry(), [owner('adyen', { name: ' ' })])).toBeNull();
  });

  it.each([
    ['DE02 1203 0000 0000 2020 51', IBAN, true],
    ['12030000/202051', IBAN, true],
    [IBAN, '12030000/0000202051', true],
    [IBAN, '12030000/202051', true],
    ['12030000/202052', IBAN, false],
    ['4001', '04001', false],
  ])('knows %s and %s as the same bank account: %s', (setting, told, isSame) => {
    const one = entry({ account: told, counterparty: { name: 'PSP', account: null } });
    expect(ownerOf(one, [owner('stripe', { name: 'psp' }, setting)]) !== null).toBe(isSame);
  });
});
