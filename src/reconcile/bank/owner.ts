import type { BankEntry } from '../bank-format.ts';
import { spellingsOf } from './bank-account.ts';

/** A processor account as a bank's statements show it: its settings `bank_account` and `bank_pattern`. */
export type BankOwner = {
  readonly provider: string;
  readonly account: string;
  readonly bankAccount: string;
  /** Every part that is given must stand in the entry. */
  readonly pattern: { readonly name?: string; readonly account?: string; readonly text?: string };
};

/** What of an entry says whose it is. */
export type Ownable = Pick<BankEntry, 'account' | 'counterparty' | 'text' | 'references'>;

/** The one processor account whose pattern an entry fits; where none or several do, a later match must say whose it is. */
export function ownerOf(entry: Ownable, owners: readonly BankOwner[]): BankOwner | null {
  const fitting = owners.filter(
    ({ bankAccount, pattern }) => spellingsOf(bankAccount).includes(entry.account) && fits(entry, pattern),
  );
  return fitting.length === 1 ? (fitting[0] ?? null) : null;
}

function fits(entry: Ownable, pattern: BankOwner['pattern']): boolean {
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
