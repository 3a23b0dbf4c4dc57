import { PosternError } from '../../errors.ts';
import type { Tx } from '../../postgres/sql.ts';
import type { Books } from './promote-store.ts';
import { APART, KEPT_ROW_COLUMNS, type LineRow } from './staged-row.ts';

/** What is kept of one payout, in whichever files it came. */
export type ApartBatch = {
  readonly batch: string;
  readonly currency: string;
  /** Of its lines, without payouts and this rounding. */
  readonly lines: number;
  /** A line tells the payout itself. */
  readonly isPaid: boolean;
  /** The line of its rounding, and what it takes; null and 0 where there is none. */
  readonly line: string | null;
  readonly rounding: bigint;
  readonly booked_at: bigint;
  readonly zone: string;
};

/** Those of these payouts of which lines are kept. */
export async function apartBatches(
  tx: Tx,
  { provider, account }: Books,
  batches: readonly { batch: string; currency: string }[],
): Promise<ApartBatch[]> {
  const { rows } = await tx.query<ApartBatch>(
    `select l.batch, l.currency, count(*) filter (where o.is_line)::int4 as lines, bool_or(l.kind = 'payout') as "isPaid",
       max(l.id::text) filter (where o.is_apart) as line, coalesce(sum(l.net) filter (where o.is_apart), 0)::int8 as rounding,
       (extract(epoch from max(l.booked_at)) * 1000)::int8 as booked_at, max(l.zone) as zone
     from (
       select distinct s.id, b.batch, b.currency from unnest($3::text[], $4::text[]) as w (batch, currency)
       join postern.settlement_batches b on b.batch = w.batch and b.currency = w.currency
       join postern.settlements s on s.id = b.settlement_id and s.provider = $1 and s.account = $2 and s.moves_money
     ) as f
     join postern.settlement_lines l on l.settlement_id = f.id and l.batch = f.batch and l.currency = f.currency and l.removed_by is null
     cross join lateral (
       select l.identity = '${APART}' || l.batch || ':' || l.currency as is_apart,
         l.kind not in ('payout', 'payout_reversal', 'topup', 'rounding') as is_line
     ) as o
     group by 1, 2 order by 1, 2`,
    [provider, account, batches.map((b) => b.batch), batches.map((b) => b.currency)],
  );
  return rows;
}

/** Keeps the line of a payout's rounding, as the next version of itself. */
export async function keepRounding(
  tx: Tx,
  {
    provider,
    account,
    settlement,
    id,
    rounding,
    of: { batch, currency, booked_at: bookedAt, zone },
  }: Books & { settlement: string; id: string; rounding: bigint; of: ApartBatch },
): Promise<LineRow> {
  const identity = `${APART}${batch}:${currency}`;
  const { rows } = await tx.query<LineRow>(
    `insert into postern.settlement_lines (id, settlement_id, row_no, provider, account, moves_money, identity, version, kind, batch,
       currency, gross, fee, tax, net, booked_at, zone, raw)
     select $1, $2, 0, $3, $4, true, $5, 1 + coalesce(max(l.version), 0), 'rounding', $6, $7, $8::int8, 0, 0, $8::int8,
       to_timestamp($9::int8 / 1000.0), $10, ''
     from postern.settlement_lines l where l.provider = $3 and l.account = $4 and l.identity = $5 and l.moves_money
     returning ${KEPT_ROW_COLUMNS}`,
    [id, settlement, provider, account, identity, batch, currency, rounding, bookedAt, zone],
  );
  const [row] = rows;
  if (row === undefined) throw new PosternError('internal', `the rounding of ${batch} was not kept`);
  return row;
}
