import type { Sql } from '../../postgres/sql.ts';

export type BucketRow = {
  /** The role of the account for items; `line` for lines of reports. */
  readonly of: string;
  /** `unseen`: the engine has not looked at it yet. */
  readonly bucket: 'matched' | 'in_transit' | 'discrepancy' | 'informational' | 'unseen';
  readonly currency: string;
  readonly count: bigint;
  /** Minor units: of items what is open, of lines their gross. */
  readonly amount: string;
};

/**
 * Every open item and every line that moved money of a processor account, each in exactly one bucket: what is open adds up to the
 * accounts' balances. A line is where the item is that it settled; one about the balance alone where its batch is.
 */
export async function bucketsOf(sql: Sql, provider: string, account: string): Promise<BucketRow[]> {
  const { rows } = await sql.query<BucketRow>(
    `with items as materialized (
       select split_part(a.path, ':', 2) as role, o.reference, o.component, o.currency, o.amount,
         case when o.amount = 0 then 'matched' else coalesce(r.bucket, 'unseen') end as bucket
       from postern.accounts a join postern.open_items o on o.account_id = a.id
       left join postern.residue r on r.account_id = o.account_id and r.reference = o.reference and r.component = o.component
         and r.currency = o.currency
       where a.type <> 'memo' and a.open_item and a.path like '%:' || postern.path_part($1) || ':' || postern.path_part($2)
     )
     select i.role as of, i.bucket, i.currency, count(*) as count, sum(i.amount)::text as amount from items i group by 1, 2, 3
     union all
     select 'line', coalesce(i.bucket, 'unseen'), l.currency, count(*), sum(l.gross)::text
     from postern.settlement_lines l
     left join items i on case
       when l.component is not null then i.role = 'processor_pending' and i.reference = l.reference and i.component = l.component
         and i.currency = coalesce(l.other_currency, l.currency)
       when l.kind in ('adjustment', 'other') then i.role = 'suspense' and i.reference = l.identity and i.currency = l.currency
       else i.role = 'processor_balance' and i.reference = l.batch and i.component = '' and i.currency = l.currency end
     where l.provider = $1 and l.account = $2 and l.moves_money and l.removed_by is null
     group by 2, 3
     order by 1, 2, 3`,
    [provider, account],
  );
  return rows;
}
