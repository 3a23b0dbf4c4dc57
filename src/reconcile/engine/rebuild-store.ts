import type { Sql, Tx } from '../../postgres/sql.ts';
import type { ItemKey } from './items.ts';

/** Sums of the postings of items, of all of them or of those after the cursor. Memo accounts hold nothing that is owed. */
const SUMS = `select p.account_id, p.reference, coalesce(p.component, '') as component, p.currency, sum(p.amount) as amount
  from postern.postings p
  where p.reference is not null and p.account_id in (select a.id from postern.accounts a where a.open_item and a.type <> 'memo')
  group by 1, 2, 3, 4`;

const MATCHED = `select m.account_id, m.reference, m.component, m.currency, sum(m.amount)::int8 as matched from (
    select account_id, debit_reference as reference, debit_component as component, currency, amount from postern.matches
    where undone_at is null and actor = 'system'
    union all
    select account_id, credit_reference, credit_component, currency, -amount from postern.matches
    where undone_at is null and actor = 'system'
  ) as m group by 1, 2, 3, 4`;

/** For statements that read all postings: their sums in memory, no detour over indexes, and the time that this takes. */
export async function readWhole(tx: Tx): Promise<void> {
  await tx.query("set local work_mem = '256MB'");
  await tx.query('set local enable_seqscan = on');
  await tx.query("set local statement_timeout = '30min'");
}

/**
 * Makes the residue anew, from the postings alone; all of it is judged by the turns that follow. What is already called a
 * discrepancy keeps its place in the list.
 */
export async function rebuildResidue(tx: Tx, now: Date): Promise<number> {
  await readWhole(tx);
  await tx.query('lock table postern.residue in share row exclusive mode');
  await tx.query(
    `create temporary table rebuilt_residue on commit drop as
     select * from (${SUMS}) as s left join (${MATCHED}) as m using (account_id, reference, component, currency)
     where s.amount <> 0 or m.matched <> 0`,
  );
  await tx.query('analyze pg_temp.rebuilt_residue');
  await tx.query('delete from postern.residue_keys');
  await tx.query(
    `delete from postern.residue r where not exists (
       select from pg_temp.rebuilt_residue b where b.account_id = r.account_id and b.reference = r.reference and b.component = r.component
         and b.currency = r.currency) and r.class is null`,
  );
  const { rowCount } = await tx.query(
    `insert into postern.residue as r (account_id, reference, component, currency, amount, matched, look_at)
     select account_id, reference, component, currency, amount::int8, coalesce(matched, 0), $1 from pg_temp.rebuilt_residue
     on conflict (account_id, reference, component, currency) do update
     set amount = excluded.amount, matched = excluded.matched, look_at = excluded.look_at`,
    [now],
  );
  // What is called a discrepancy and is none any more must be cleared by a judgement.
  await tx.query(
    `update postern.residue r set look_at = $1 where r.class is not null and not exists (
       select from pg_temp.rebuilt_residue b where b.account_id = r.account_id and b.reference = r.reference and b.component = r.component
         and b.currency = r.currency)`,
    [now],
  );
  return rowCount;
}

export type AmountDifference = ItemKey & { readonly kept: bigint | null; readonly reckoned: bigint | null };

/**
 * Items whose residue is not the sum of their postings, as of one moment (the caller's transaction sees one state). Those moved
 * after the cursor are not looked at yet.
 */
export async function wrongAmounts(sql: Sql, limit: number): Promise<AmountDifference[]> {
  const { rows } = await sql.query<{
    account_id: number;
    reference: string;
    component: string;
    currency: string;
    kept: bigint | null;
    reckoned: bigint | null;
  }>(
    `with after as (
       select distinct p.account_id, p.reference
       from (select r.xact, r.id from postern.reconciling r limit 1) as r
       cross join lateral (
         select t.id from postern.transactions t where (t.xact, t.id) > (r.xact, r.id) offset 0
       ) as t
       join postern.postings p on p.transaction_id = t.id and p.reference is not null
     )
     select account_id, reference, component, currency, r.amount as kept, s.amount::int8 as reckoned
     from (select * from (${SUMS}) as s where s.amount <> 0) as s
     full join (select * from postern.residue r where r.amount <> 0) as r using (account_id, reference, component, currency)
     where s.amount is distinct from r.amount
       and not exists (select from after a where a.account_id = coalesce(s.account_id, r.account_id)
         and a.reference = coalesce(s.reference, r.reference))
     limit $1`,
    [limit],
  );
  return rows.map(({ account_id: accountId, ...row }) => ({ ...row, accountId }));
}

export type KeptVerdict = ItemKey & { readonly bucket: string; readonly class: string | null };

/** What is kept of items that wait for nothing now, in the order of their keys, after the last of the page before. */
export async function settledVerdicts(
  sql: Sql,
  after: ItemKey | null,
  now: Date,
  limit: number,
): Promise<KeptVerdict[]> {
  const { rows } = await sql.query<{
    account_id: number;
    reference: string;
    component: string;
    currency: string;
    bucket: string;
    class: string | null;
  }>(
    `select r.account_id, r.reference, r.component, r.currency, r.bucket, r.class from postern.residue r
     where ($1::int4 is null or (r.account_id, r.reference, r.component, r.currency) > ($1, $2, $3, $4))
       and (r.look_at is null or r.look_at > $5)
     order by r.account_id, r.reference, r.component, r.currency limit $6`,
    [
      after?.accountId ?? null,
      after?.reference ?? null,
      after?.component ?? null,
      after?.currency ?? null,
      now,
      limit,
    ],
  );
  return rows.map(({ account_id: accountId, ...row }) => ({ ...row, accountId }));
}
