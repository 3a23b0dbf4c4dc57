import type { Sql } from '../../postgres/sql.ts';
import type { ItemKey } from './items.ts';
import { keyArrays } from './residue-store.ts';

/** What a report said that its period opened with, as it stands. */
export type StandingOpening = {
  readonly no: number;
  readonly settlement: string;
  readonly amount: bigint;
  readonly at: Date;
  readonly accounting_date: string;
};

/** The openings that took over what these items are; `no` counts from 1. */
export async function standingOpenings(sql: Sql, items: readonly ItemKey[]): Promise<StandingOpening[]> {
  const { rows } = await sql.query<StandingOpening>(
    `select i.no::int4 as no, t.cause::jsonb ->> 'settlement' as settlement, -p.amount as amount, t.effective_at as at,
       t.accounting_date::text as accounting_date
     from unnest($1::int4[], $2::text[], $3::text[], $4::text[]) with ordinality as i (account_id, reference, component, currency, no)
     join postern.postings p on p.reference = i.reference and p.account_id = i.account_id and p.currency = i.currency
       and coalesce(p.component, '') = i.component
     join postern.transactions t on t.id = p.transaction_id and t.kind = 'settlement.opening' and t.reverses is null
     where t.cause::jsonb ? 'settlement' and not exists (select from postern.transactions u where u.reverses = t.id)
     order by i.no`,
    keyArrays(items),
  );
  return rows;
}
