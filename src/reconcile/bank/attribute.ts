import type { BankEntry } from '../bank-format.ts';

/** A processor account as a bank's statements show it: its settings `bank_account` and `bank_pattern`. */
export type BankOwner = {
  readonly provider: string;
  readonly account: string;
  readonly bankAccount: string;
  /** Every part that is given must stand in the entry. */
  readonly pattern: { readonly name?: string; readonly account?: string; readonly text?: string } | null;
};

export type KnownPayout = {
  readonly provider: string;
  readonly account: string;
  /** As the ledger names it. */
  readonly reference: string;
};

export type Attribution =
  | {
      readonly kind: 'owned';
      readonly provider: string;
      readonly account: string;
      /** The payouts it names; one entry may pay several. Empty where only the pattern says whose it is. */
      readonly payouts: readonly string[];
    }
  /** Several accounts could be meant: a person or a later match must say which. */
  | { readonly kind: 'ambiguous'; readonly owners: readonly BankOwner[] }
  | { readonly kind: 'nobody' };

/** Letters and digits alone, upper case: banks break, pad and drop everything else. */
export const bankKey = (text: string): string => text.toUpperCase().replaceAll(/[^A-Z0-9]/g, '');

/** Shorter words stand in texts by chance. */
const KEY_MIN = 6;
const KEY_MAX = 64;
/** A reference that a bank has broken, in how many pieces at most. */
const PIECES_MAX = 5;
const WORDS_MAX = 400;
const KEYS_MAX = 1_000;

/** By which keys (`bankKey` of a payout's id, trace id, or the report's word for the bank) an entry may name a payout. */
export function payoutKeys(entry: Pick<BankEntry, 'references' | 'text'>): string[] {
  const keys = new Set<string>();
  for (const text of [...entry.references, entry.text]) {
    const words = text
      .split(/[^A-Za-z0-9]+/)
      .filter((word) => word !== '')
      .slice(0, WORDS_MAX);
    for (let from = 0; from < words.length; from += 1) {
      let key = '';
      for (const word of words.slice(from, from + PIECES_MAX)) {
        key += word.toUpperCase();
        if (key.length > KEY_MAX || keys.size >= KEYS_MAX) break;
        // Every processor's ids have digits; ordinary words do not.
        if (key.length >= KEY_MIN && /\d/.test(key)) keys.add(key);
      }
    }
  }
  return [...keys];
}

/**
 * Whose an entry is: an account's that is paid on the statement's bank account, by a payout the entry names, else by the
 * account's pattern. `known` has the payouts of `payoutKeys`, by key. Pure.
 */
export function attribute(
  entry: BankEntry,
  owners: readonly BankOwner[],
  known: ReadonlyMap<string, readonly KnownPayout[]>,
): Attribution {
  const candidates = owners.filter(({ bankAccount }) => isSameBankAccount(bankAccount, entry.account));
  const named = payoutKeys(entry)
    .flatMap((key) => known.get(key) ?? [])
    .filter((payout) => candidates.some((owner) => isOf(payout, owner)));
  const paid = candidates.filter((owner) => named.some((payout) => isOf(payout, owner)));
  const fitting = candidates.filter(({ pattern }) => pattern !== null && fits(entry, pattern));
  // A payout that is named says more than a pattern; where two accounts' payouts are named alike, their patterns decide.
  const both = paid.filter((owner) => fitting.includes(owner));
  const meant = paid.length === 0 ? fitting : paid.length > 1 && both.length > 0 ? both : paid;
  const [owner] = meant;
  if (owner === undefined) return { kind: 'nobody' };
  if (meant.length > 1) return { kind: 'ambiguous', owners: meant };
  const payouts = new Set(named.filter((payout) => isOf(payout, owner)).map(({ reference }) => reference));
  return { kind: 'owned', provider: owner.provider, account: owner.account, payouts: [...payouts] };
}

const isOf = (payout: KnownPayout, owner: BankOwner): boolean =>
  payout.provider === owner.provider && payout.account === owner.account;

function fits(entry: BankEntry, pattern: NonNullable<BankOwner['pattern']>): boolean {
  const parts = Object.values(pattern).filter((part) => part !== undefined && squeezed(part) !== '');
  return (
    parts.length > 0 &&
    has(entry.counterparty.name, pattern.name) &&
    has(entry.counterparty.account, pattern.account) &&
    has(`${entry.text} ${entry.references.join(' ')}`, pattern.text)
  );
}

/** Whatever case and blanks: banks wrap names in their middle. */
const squeezed = (text: string): string => text.replaceAll(/\s+/g, '').toLowerCase();

const has = (text: string | null, part: string | undefined): boolean =>
  part === undefined || squeezed(text ?? '').includes(squeezed(part));

const GERMAN_IBAN = /^DE\d{2}(\d{8})(\d{10})$/;
const GERMAN_OLD = /^(\d{8})\/(\d{1,10})$/;

/** The setting against the statement's word for it; MT940 still writes a German account as bank code and number. */
export function isSameBankAccount(setting: string, told: string): boolean {
  return plainAccount(setting) === plainAccount(told);
}

function plainAccount(account: string): string {
  const text = account.replaceAll(/\s+/g, '').toUpperCase();
  const [, bank = '', number = ''] = GERMAN_IBAN.exec(text) ?? GERMAN_OLD.exec(text) ?? [];
  return bank === '' ? text : `${bank}/${number.replace(/^0+/, '')}`;
}
