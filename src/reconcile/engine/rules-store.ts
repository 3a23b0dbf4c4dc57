import { int4Array, textArray } from '../../postgres/binary-arrays.ts';
import type { Sql, Tx } from '../../postgres/sql.ts';

export type JudgedBy = {
  readonly id: number;
  readonly path: string;
  /** By which settings its items were judged; null: none were, yet. */
  readonly settings: string | null;
};

const ACCOUNTS_MAX = 200_000;

/** All accounts of open items, with what they were judged by. */
export async function selectJudgedBy(sql: Sql): Promise<JudgedBy[]> {
  const { rows } = await sql.query<JudgedBy>(
    `select a.id, a.path, r.settings from postern.accounts a left join postern.reconciled_accounts r on r.account_id = a.id
     where a.open_item and a.type <> 'memo' order by a.id limit ${ACCOUNTS_MAX}`,
  );
  return rows;
}

export async function noteJudgedBy(
  tx: Tx,
  accounts: readonly { readonly id: number; readonly settings: string }[],
): Promise<void> {
  if (accounts.length === 0) return;
  await tx.query(
    `insert into postern.reconciled_accounts as r (account_id, settings)
     select * from unnest($1::int4[], $2::text[]) order by 1
     on conflict (account_id) do update set settings = excluded.settings`,
    [int4Array(accounts.map((one) => one.id)), textArray(accounts.map((one) => one.settings))],
  );
}

/** How far behind the books the items are: the age of the oldest transaction that was not looked at, in seconds. */
export async function reconcileLag(sql: Sql): Promise<number> {
  const { rows } = await sql.query<{ seconds: number | null }>(
    `select extract(epoch from clock_timestamp() - t.recorded_at)::float8 as seconds
     from (select r.xact, r.id from postern.reconciling r limit 1) as r cross join lateral (
       select t.recorded_at from postern.transactions t where (t.xact, t.id) > (r.xact, r.id) order by t.xact, t.id limit 1
     ) as t`,
  );
  return Math.max(0, rows[0]?.seconds ?? 0);
}
