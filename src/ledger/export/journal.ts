import type { AccountType } from '../chart.ts';
import type { Posting, Transaction } from '../queries-store.ts';

export const JOURNAL_FORMATS = ['csv', 'beancount', 'hledger'] as const;

export type JournalFormat = (typeof JOURNAL_FORMATS)[number];

/** What is exported: days are accounting dates (YYYY-MM-DD), both included. */
export type Selection = {
  readonly from: string | null;
  readonly to: string | null;
  /** An account's path: whole transactions that touch it. */
  readonly account: string | null;
};

/** An account the journal uses. */
export type JournalAccount = {
  readonly path: string;
  readonly type: AccountType;
  readonly currencies: readonly string[];
};

/** Minor units, debits − credits. */
export type JournalBalance = {
  readonly path: string;
  readonly currency: string;
  readonly amount: bigint;
  /** The same with all accounts below it: what beancount compares. */
  readonly withBelow: bigint;
};

export type JournalTransaction = { readonly transaction: Transaction; readonly postings: readonly Posting[] };

/**
 * How a journal is written: pieces of text, in the order of these functions. `opening` and `closing` come once a balance, after
 * their head, which is left out where there is none.
 */
export type JournalWriter = {
  readonly contentType: string;
  readonly extension: string;
  head(selection: Selection): string;
  /** `day` is no later than anything after it. */
  currency(currency: string, day: string): string;
  account(account: JournalAccount, day: string): string;
  openingHead(day: string): string;
  opening(balance: JournalBalance, day: string): string;
  /** `rest` is what the opening balances lack to balance, by currency. */
  openingEnd(rest: ReadonlyMap<string, bigint>): string;
  transaction(entry: JournalTransaction): string;
  /** `day` is the last that anything was on. */
  closingHead(day: string): string;
  closing(balance: JournalBalance, day: string): string;
};
