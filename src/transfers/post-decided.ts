import { PosternError } from '../errors.ts';
import type { AccountRef } from '../ledger/chart.ts';
import { contentOf, leg } from '../ledger/entry.ts';
import { openAccounts, postEntries, type ToldEntry } from '../ledger/ledger-store.ts';
import { type AccountState, accountStates, holdOverdraft, keptBalances } from '../ledger/overdraft-store.ts';
import { RULE_VERSION } from '../ledger/rules.ts';
import { fromRequest } from '../ledger/source.ts';
import type { Tx } from '../postgres/sql.ts';
import type { Request } from './asked.ts';
import { type BooksNow, balanceKey, type Decision } from './decide.ts';

type Accounts = ReadonlyMap<string, AccountState>;

/** The accounts these requests name; those nobody named before are opened. */
export async function findAccounts(tx: Tx, requests: readonly Request[]): Promise<Accounts> {
  const named = new Map<string, AccountRef>();
  for (const { source, destination } of requests) {
    for (const account of [source, destination]) named.set(account.path, account);
  }
  const found = new Map((await accountStates(tx, [...named.keys()])).map((a) => [a.path, a]));
  const missing = [...named.values()].filter((account) => !found.has(account.path));
  if (missing.length === 0) return found;
  // Asked for only when missing: the insert takes a number of the ids' sequence even where it changes nothing.
  await openAccounts(tx, missing);
  const opened = await accountStates(
    tx,
    missing.map((account) => account.path),
  );
  for (const account of opened) found.set(account.path, account);
  return found;
}

/** Balances of those that may not be overdrawn and are to be credited, held until the end of this transaction. */
export async function holdBalances(
  tx: Tx,
  requests: readonly Request[],
  accounts: Accounts,
): Promise<BooksNow['balances']> {
  const guarded = new Map<number, string>();
  for (const { source } of requests) {
    const account = accounts.get(source.path);
    if (account?.overdraft === 'refused') guarded.set(account.id, account.path);
  }
  if (guarded.size === 0) return new Map();
  const ids = [...guarded.keys()];
  await holdOverdraft(tx, ids);
  const rows = await keptBalances(tx, ids);
  return new Map(rows.map((row) => [balanceKey(guarded.get(row.accountId) ?? '', row.currency), row.balance]));
}

/** The destination is debited and the source credited, all in one call. */
export async function postDecided(tx: Tx, decisions: readonly Decision[], accounts: Accounts): Promise<void> {
  const entries = decisions.flatMap(({ request, amount, failure }): ToldEntry[] => {
    if (failure !== null || amount === null) return [];
    const { asked, source, destination, currency, refunds, transactionId } = request;
    const legs = [leg(destination, currency, amount), leg(source, currency, -amount)];
    const done = refunds === null ? 'transferred' : 'refunded';
    const cause = JSON.stringify({ actor: asked.actor, ...(refunds === null ? {} : { refunds }) });
    const entry = {
      id: transactionId,
      effectKey: `service:requests:${asked.id}:${done}`,
      kind: `service.${done}`,
      at: asked.at,
      legs,
      content: contentOf(legs),
      reverses: null,
    };
    return [{ source: fromRequest(asked.id, cause), zone: null, entry }];
  });
  if (entries.length === 0) return;
  // In key order, as everybody claims them.
  entries.sort((a, b) => (a.entry.effectKey < b.entry.effectKey ? -1 : 1));
  const idOf = (path: string): number => {
    const account = accounts.get(path);
    if (account === undefined) throw new PosternError('internal', `account ${path} was not opened`);
    return account.id;
  };
  const [taken] = await postEntries(tx, entries, idOf, RULE_VERSION);
  // A message id is claimed once, and the claim is part of this transaction.
  if (taken !== undefined)
    throw new PosternError('internal', `transaction ${taken.existing} stands under a request that is new`);
}
