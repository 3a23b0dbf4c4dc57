import { int4Array, textArray } from '../postgres/binary-arrays.ts';
import { ADVISORY_LOCK_CLASS } from '../postgres/locks.ts';
import type { Sql, Tx } from '../postgres/sql.ts';

export type Overdraft = 'allowed' | 'refused';

/** What a request of a service must know of an account before it posts. */
export type AccountState = {
  readonly id: number;
  readonly path: string;
  readonly open: boolean;
  readonly overdraft: Overdraft;
};

/** Those of the accounts that are there. */
export async function accountStates(sql: Sql, paths: readonly string[]): Promise<AccountState[]> {
  const result = await sql.query<AccountState>(
    {
      name: 'ledger-account-states',
      text: `select a.id, a.path, a.closed_at is null as open, a.overdraft from postern.accounts a where a.path = any ($1::text[])`,
    },
    [textArray(paths)],
  );
  return result.rows;
}

/**
 * Waits for whoever credits these accounts, so that the balance read after it can only rise until this transaction ends.
 * An advisory lock and not the balance's row: that one comes last in the order of locks, and is not ours to take early.
 */
export async function holdOverdraft(tx: Tx, accountIds: readonly number[]): Promise<void> {
  await tx.query(
    {
      name: 'ledger-hold-overdraft',
      text: `select pg_advisory_xact_lock(${ADVISORY_LOCK_CLASS.overdraft}, id)
        from (select distinct id from unnest($1::int4[]) as u (id) order by id) as ids`,
    },
    [int4Array(accountIds)],
  );
}

/** Kept balances (debits − credits) of these accounts; a currency that never moved has none. */
export async function keptBalances(
  tx: Tx,
  accountIds: readonly number[],
): Promise<{ accountId: number; currency: string; balance: bigint }[]> {
  const result = await tx.query<{ account_id: number; currency: string; balance: string }>(
    {
      name: 'ledger-kept-balances',
      text: `select b.account_id, b.currency, (b.debits - b.credits)::text as balance
        from postern.balances b where b.account_id = any ($1::int4[])`,
    },
    [int4Array(accountIds)],
  );
  return result.rows.map((row) => ({
    accountId: row.account_id,
    currency: row.currency,
    balance: BigInt(row.balance),
  }));
}

/** From now on: what is below zero already stays. False where there is no such account. */
export async function setOverdraft(tx: Tx, path: string, policy: Overdraft): Promise<boolean> {
  const result = await tx.query<{ set: boolean | null }>('select postern.set_overdraft($1, $2) as set', [path, policy]);
  return result.rows[0]?.set === true;
}
