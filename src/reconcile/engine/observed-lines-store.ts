import { textArray } from '../../postgres/binary-arrays.ts';
import type { Sql, Tx } from '../../postgres/sql.ts';
import { type EndedImport, LINES_AGAIN } from './observations-store.ts';

export type ObservedLine = {
  readonly id: string;
  readonly row_no: bigint;
  readonly kind: string;
  readonly batch: string;
  readonly reference: string | null;
  readonly currency: string;
  readonly gross: bigint;
  readonly fee: bigint;
  readonly net: bigint;
  readonly other_amount: bigint | null;
  readonly other_currency: string | null;
  readonly fx_rate: string | null;
  readonly payment_method: string | null;
  readonly booked_at: Date;
  /** `2026-03-01`, in the report's own days. */
  readonly booked_on: string;
};

const NO_ID = '00000000-0000-0000-0000-000000000000';

/** The lines of a report that some control is about, after one of them, in its order. Fees in rows of their own count for their charge. */
export async function observedLines(
  sql: Sql,
  {
    settlement,
    after,
    withFees,
    limit,
  }: { settlement: string; after: Pick<ObservedLine, 'row_no' | 'id'> | null; withFees: boolean; limit: number },
): Promise<ObservedLine[]> {
  const { rows } = await sql.query<ObservedLine>(
    `select l.id, l.row_no, l.kind, l.batch, l.reference, l.currency, coalesce(w.gross, l.gross) as gross, coalesce(w.fee, l.fee) as fee, l.net,
       l.other_amount, l.other_currency, l.fx_rate, coalesce(l.payment_method, w.payment_method) as payment_method, l.booked_at,
       (l.booked_at at time zone l.zone)::date::text as booked_on
     from postern.settlement_lines l
     left join lateral (
       select sum(o.gross)::int8 as gross, sum(o.fee)::int8 as fee, max(o.payment_method) as payment_method,
         (array_agg(o.id order by o.id) filter (where o.gross = 0 and o.fee <> 0))[1] as first
       from postern.settlement_lines o
       where $3 and l.kind = 'charge' and l.gross = 0 and l.fee <> 0 and o.reference = l.reference and o.provider = l.provider
         and o.account = l.account and o.batch = l.batch and o.currency = l.currency and o.kind = 'charge'
         and o.key_source is not distinct from l.key_source and o.moves_money and o.removed_by is null
       having count(*) > 0
     ) as w on true
     where l.settlement_id = $1 and l.row_no >= $2 and (l.row_no, l.id) > ($2, $5::uuid) and l.moves_money and l.removed_by is null
       and (l.kind = 'rounding' and l.net <> 0 or l.other_amount is not null and l.fx_rate is not null
         or $3 and l.kind = 'charge' and (w.first is null and l.fee > 0 or w.first = l.id))
     order by l.row_no, l.id limit $4`,
    [settlement, after?.row_no ?? 0n, withFees, limit, after?.id ?? NO_ID],
  );
  return rows;
}

/** Has the lines of an account's reports that were booked since a moment observed anew. */
export async function observeLinesAgain(
  tx: Tx,
  { provider, account, since }: { readonly provider: string; readonly account: string; readonly since: Date },
): Promise<void> {
  await tx.query(
    `update postern.observed_imports o set status = '${LINES_AGAIN}' from postern.settlements s
     where s.id = o.id and s.provider = $1 and s.account = $2 and s.moves_money and s.status in ('imported', 'amended')
       and coalesce((select max(coalesce(b.last_at, 'infinity')) from postern.settlement_batches b where b.settlement_id = s.id), 'infinity') >= $3`,
    [provider, account, since],
  );
}

/**
 * Has the reports observed anew that have rows of the same charges as this one, where fees stand in rows of their own: what a
 * charge cost is known only with all of them.
 */
export async function observeChargesAgain(tx: Tx, settlement: string): Promise<void> {
  await tx.query(
    `update postern.observed_imports set status = '${LINES_AGAIN}' where id in (
       select o.settlement_id
       from postern.settlement_batches b
       join postern.settlement_batches c on c.batch = b.batch and c.currency = b.currency and c.settlement_id <> b.settlement_id
       join postern.settlement_lines l on l.settlement_id = b.settlement_id and l.batch = b.batch and l.currency = b.currency
       join postern.settlement_lines o on o.reference = l.reference and o.settlement_id = c.settlement_id and o.batch = l.batch
         and o.currency = l.currency and o.provider = l.provider and o.account = l.account and o.key_source is not distinct from l.key_source
       where b.settlement_id = $1 and l.kind = 'charge' and o.kind = 'charge' and l.moves_money and o.moves_money
         and l.removed_by is null and o.removed_by is null and (l.gross = 0 and l.fee <> 0 or o.gross = 0 and o.fee <> 0)
     )`,
    [settlement],
  );
}

/** What stands of what was observed of these reports' lines. */
export async function standingOfLines(
  sql: Sql,
  imports: readonly EndedImport[],
): Promise<{ id: string; fingerprint: string; settlement: string }[]> {
  if (imports.length === 0) return [];
  const { rows } = await sql.query<{ id: string; fingerprint: string; settlement: string }>(
    `select d.id, d.fingerprint, d.evidence ->> 'settlement' as settlement
     from (select distinct * from unnest($2::text[], $3::text[])) as b (provider, account)
     join postern.discrepancies d on d.provider = b.provider and d.account = b.account
     where not d.in_proof and d.cleared_at is null and d.evidence ? 'line' and d.evidence ->> 'settlement' = any ($1::text[])`,
    [
      textArray(imports.map(({ id }) => id)),
      textArray(imports.map(({ provider }) => provider ?? '')),
      textArray(imports.map(({ account }) => account ?? '')),
    ],
  );
  return rows;
}

/** What is observed of lines of an account that a later file took out. */
export async function observationsOfRemovedLines(sql: Sql, provider: string, account: string): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>(
    `select d.id from postern.discrepancies d join postern.settlement_lines l on l.id = (d.evidence ->> 'line')::uuid
     where d.provider = $1 and d.account = $2 and not d.in_proof and d.cleared_at is null and d.evidence ? 'line'
       and l.removed_by is not null`,
    [provider, account],
  );
  return rows.map(({ id }) => id);
}
