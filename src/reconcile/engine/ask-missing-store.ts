import { ENDED_LIST } from '../../discrepancy-status.ts';
import type { Sql } from '../../postgres/sql.ts';

export type Unasked = { readonly id: string; readonly provider: string; readonly account: string; readonly at: number };

/** What no webhook told, of processors that list theirs, and was not asked for; the oldest first. */
export async function selectUnasked(sql: Sql, limit: number): Promise<Unasked[]> {
  const { rows } = await sql.query<Unasked>(
    `select d.id, d.provider, d.account, (extract(epoch from d.occurred_at) * 1000)::float8 as at from postern.discrepancies d
     where d.class = 'missing_in_ledger' and d.status not in ${ENDED_LIST}
       and d.suggested ->> 'action' = 'fetch_event'
       and not exists (
         select from postern.discrepancy_history h where h.discrepancy_id = d.id and h.action in ('fetch_asked', 'fetch_refused')
       )
     order by d.id limit $1`,
    [limit],
  );
  return rows;
}
