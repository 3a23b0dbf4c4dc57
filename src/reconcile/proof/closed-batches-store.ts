import type { Tx } from '../../postgres/sql.ts';
import { UNBATCHED } from '../../settlement-line.ts';
import { type AskedOf, BATCHES_OF_PERIOD, batchValues, type Days } from './stated-store.ts';

/** An account and currency whose reports state no balance, but batches that are paid out or handed on whole. */
export type ClosedBatches = { readonly provider: string; readonly account: string; readonly currency: string };

/**
 * Of these accounts of `processor_balance`: where reports of the period name batches, and nothing is open by now of any that moved in
 * it. What a batch hands on is open until the next one is here: it is closed all the same, unless both tell it otherwise.
 */
export async function closedBatches(
  tx: Tx,
  balances: readonly { readonly id: number; readonly provider: string; readonly account: string }[],
  asked: AskedOf,
  days: Days,
): Promise<ClosedBatches[]> {
  const { rows } = await tx.query<ClosedBatches>(
    `with named as (
       select s.provider, s.account, b.currency from ${BATCHES_OF_PERIOD}
       where s.moves_money and s.status in ('imported', 'amended')
       group by 1, 2, 3 having bool_and(s.mode <> 'balance') and bool_or(b.batch <> '${UNBATCHED}')
     ), left_open as (
       select distinct a.provider, a.account, o.currency
       from unnest($8::int4[], $9::text[], $10::text[]) as a (id, provider, account)
       join postern.open_items o on o.account_id = a.id and o.amount <> 0 and o.reference <> '${UNBATCHED}'
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
      ...batchValues(asked, days),
      balances.map(({ id }) => id),
      balances.map(({ provider }) => provider),
      balances.map(({ account }) => account),
    ],
  );
  return rows;
}
