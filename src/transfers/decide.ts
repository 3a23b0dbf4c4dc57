import { currencyExponent } from '../currency.ts';
import type { Overdraft } from '../ledger/overdraft-store.ts';
import { formatMajor } from '../money.ts';
import type { Request } from './asked.ts';

/** Why a request that was accepted did not post. */
export const FAILURE_CODES = ['exceeds_remaining', 'insufficient_funds', 'account_closed', 'refused'] as const;
export type Failure = { readonly code: (typeof FAILURE_CODES)[number]; readonly message: string };

export type Decision = {
  readonly request: Request;
  /** Minor units; null where there was nothing left to refund. */
  readonly amount: bigint | null;
  /** Null: it posts. */
  readonly failure: Failure | null;
};

/** What the books say, under the locks of a batch. */
export type BooksNow = {
  /** By path; an account that is not there yet is open and may be overdrawn. */
  readonly accounts: ReadonlyMap<string, { readonly open: boolean; readonly overdraft: Overdraft }>;
  /** By path and currency (`balanceKey`), of accounts that may not be overdrawn. Nothing there: zero. */
  readonly balances: ReadonlyMap<string, bigint>;
  /** What is left of each transaction that is refunded. */
  readonly remaining: ReadonlyMap<string, bigint>;
};

export const balanceKey = (path: string, currency: string): string => `${currency} ${path}`;

/** One after the other, in the order they came: each sees what those before it left. Pure. */
export function decide(requests: readonly Request[], now: BooksNow): Decision[] {
  const balances = new Map(now.balances);
  const remaining = new Map(now.remaining);

  function move(path: string, currency: string, amount: bigint): void {
    const key = balanceKey(path, currency);
    balances.set(key, (balances.get(key) ?? 0n) + amount);
  }

  return requests.map((request) => {
    const { source, destination, currency, refunds } = request;
    const left = refunds === null ? null : (remaining.get(refunds) ?? 0n);
    const amount = request.amount ?? left;
    const fail = (code: Failure['code'], message: string): Decision => ({
      request,
      amount: amount === 0n ? null : amount,
      failure: { code, message },
    });
    if (amount === null || (left !== null && (amount > left || amount === 0n)))
      return fail('exceeds_remaining', `${shown(left ?? 0n, currency)} of transaction ${refunds} is left to refund`);
    for (const { path } of [source, destination]) {
      if (now.accounts.get(path)?.open === false) return fail('account_closed', `account ${path} is closed`);
    }
    if (now.accounts.get(source.path)?.overdraft === 'refused') {
      const balance = balances.get(balanceKey(source.path, currency)) ?? 0n;
      if (balance < amount)
        return fail(
          'insufficient_funds',
          `account ${source.path} has ${shown(balance, currency)} and may not be overdrawn`,
        );
    }
    move(source.path, currency, -amount);
    move(destination.path, currency, amount);
    if (refunds !== null) remaining.set(refunds, (left ?? 0n) - amount);
    return { request, amount, failure: null };
  });
}

function shown(amount: bigint, currency: string): string {
  return `${formatMajor(amount, currencyExponent(currency) ?? 0)} ${currency}`;
}
