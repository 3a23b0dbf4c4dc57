import type { Tx } from '../../postgres/sql.ts';
import { UNBATCHED } from '../../settlement-line.ts';
import { type ProofSpan, rangesOf } from './proof-store.ts';
import { type AskedOf, BATCHES_OF_PERIOD, batchValues } from './stated-store.ts';

/** An account and currency whose reports state no balance, but batches that are paid out or handed on whole. */
export type ClosedBatches = { readonly provider: string; readonly account: string; readonly currency: string };

/**
 * Of these accounts of `processor_balance`: where reports of the period name batches, and nothing is open of any that moved in it, as
 * far as it was known then. What a batch hands on is open until the next one is here: it is closed all the same, unless both tell it otherwise.
 */
export async function closedBatches(
  tx: Tx,
  balances: readonly { readonly id: number; readonly provider: string; readonly account: string }[],
  asked: AskedOf,
  span: ProofSpan,
): Promise<ClosedBatches[]> {
  const ids = balances.map(({ id }) => id);
  const { rows } = await tx.query<ClosedBatches>(
    `with named as (
       select s.provider, s.account, b.currency from ${BATCHES_OF_PERIOD}
       where s.moves_money and s.status in ('imported', 'amended')
       group by 1, 2, 3 having bool_and(s.mode <> 'balance') and bool_or(b.batch <> '${UNBATCHED}')
     ), later as (
       select p.account_id, p.reference, coalesce(p.component, '') as component, p.currency, sum(p.amount) as amount
       from postern.transactions t join postern.postings p on p.transaction_id = t.id
       where t.recorded_at > $8 and t.id >= $12::uuid and p.transaction_id >= $12::uuid and p.account_id = any ($9::int4[])
         and p.reference is not null
       group by 1, 2, 3, 4
     ), items as (
       -- What is open now, less what came later: what came to zero since was open then.
       select i.account_id, i.reference, i.component, i.currency from (
         select o.account_id, o.reference, o.component, o.currency, o.amount from postern.open_items o
         where o.account_id = any ($9::int4[]) and o.amount <> 0
         union all
         select l.account_id, l.reference, l.component, l.currency, -l.amount from later l
       ) as i group by 1, 2, 3, 4 having sum(i.amount) <> 0
     ), left_open as (
       select distinct a.provider, a.account, o.currency
       from unnest($9::int4[], $10::text[], $11::text[]) as a (id, provider, account)
       join items o on o.account_id = a.id and o.reference <> '${UNBATCHED}'
       left join postern.residue r on r.account_id = o.account_id and r.reference = o.reference and r.component = o.component
         and r.currency = o.currency
       where (not starts_with(o.reference, 'carry:') or r.class is not null) and exists (
         select from postern.postings p join postern.transactions t on t.id = p.transaction_id
         where p.account_id = o.account_id and p.reference = o.reference and p.currency = o.currency
           and t.accounting_date between $3 and $4
       )
     )
     select n.provider, n.account, n.currency from named n
     left join left_open o on o.provider = n.provider and o.account = n.account and o.currency = n.currency
     where o.provider is null order by 1, 2, 3`,
    [
      ...batchValues(asked, span),
      ids,
      balances.map(({ provider }) => provider),
      balances.map(({ account }) => account),
      span.knownAt === null ? null : await firstSince(tx, ids, span.knownAt),
    ],
  );
  return rows;
}

/** No transaction on these accounts that was recorded since lies before this one; null: there is none. */
async function firstSince(tx: Tx, accountIds: readonly number[], since: Date): Promise<string | null> {
  const from = since.toISOString().slice(0, 10);
  const ranges = await rangesOf(tx, accountIds, { column: 'recorded_day', from, to: 'infinity' });
  return ranges[0]?.first ?? null;
}
