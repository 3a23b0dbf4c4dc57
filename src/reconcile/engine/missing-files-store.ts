import { textArray } from '../../postgres/binary-arrays.ts';
import type { Sql } from '../../postgres/sql.ts';

export type MissingFile = {
  readonly id: string;
  readonly provider: string;
  readonly account: string;
  readonly occurredAt: Date;
  /** Of a gap among batches: when those before and after it were booked. */
  readonly after: string | null;
  readonly before: string | null;
};

/** Of reports: what waits for a line is in no bank statement, and not shown under a missing one. */
export async function openMissingFiles(
  sql: Sql,
  books: readonly { readonly provider: string; readonly account: string }[],
): Promise<MissingFile[]> {
  if (books.length === 0) return [];
  const { rows } = await sql.query<{
    id: string;
    provider: string;
    account: string;
    occurred_at: Date;
    after: string | null;
    before: string | null;
  }>(
    `select distinct d.id, d.provider, d.account, d.occurred_at, d.evidence ->> 'after' as after, d.evidence ->> 'before' as before
     from unnest($1::text[], $2::text[]) as b (provider, account)
     join postern.discrepancies d on d.provider = b.provider and d.account = b.account
     where d.class = 'missing_file' and d.cleared_at is null and not d.evidence ? 'bank_account'
       -- What a control lacks settles nothing.
       and not exists (select from postern.settlements s where s.id = (d.evidence ->> 'settlement')::uuid and not s.moves_money)
     order by d.id`,
    [textArray(books.map((one) => one.provider)), textArray(books.map((one) => one.account))],
  );
  return rows.map(({ occurred_at: occurredAt, ...row }) => ({ ...row, occurredAt }));
}

/** When a line of a batch was booked, and when what it settles was announced; unix ms. */
export type Lag = { readonly bookedAt: number; readonly announcedAt: number };

const LINES_A_BATCH = 500;

/** Of the batches of an account that were booked last before a time and first after it, some lines each. */
export async function lagsAround(
  sql: Sql,
  { provider, account, at }: { provider: string; account: string; at: Date },
): Promise<Lag[]> {
  const { rows } = await sql.query<{ booked_at: number; announced_at: number }>(
    `with near as (
       (select s.id, b.batch from postern.settlements s join postern.settlement_batches b on b.settlement_id = s.id
        where s.provider = $1 and s.account = $2 and s.moves_money and s.status = 'imported' and b.last_at < $3
        order by b.last_at desc limit 1)
       union
       (select s.id, b.batch from postern.settlements s join postern.settlement_batches b on b.settlement_id = s.id
        where s.provider = $1 and s.account = $2 and s.moves_money and s.status = 'imported' and b.last_at > $3
        order by b.last_at limit 1)
     )
     select (extract(epoch from l.booked_at) * 1000)::float8 as booked_at, (extract(epoch from t.at) * 1000)::float8 as announced_at
     from near n
     cross join lateral (
       select l.reference, l.booked_at from postern.settlement_lines l
       where l.settlement_id = n.id and l.batch = n.batch and l.removed_by is null and l.component is not null limit ${LINES_A_BATCH}
     ) as l
     join postern.accounts a on a.path = 'asset:processor_pending:' || postern.path_part($1) || ':' || postern.path_part($2)
     cross join lateral (
       select min(t.effective_at) as at from postern.postings p join postern.transactions t on t.id = p.transaction_id
       where p.reference = l.reference and p.account_id = a.id and not starts_with(t.kind, 'settlement.')
         and t.kind not in ('fee.recognised', 'match.allocated', 'write_off', 'reversal')
     ) as t
     where t.at is not null`,
    [provider, account, at],
  );
  return rows.map((row) => ({ bookedAt: row.booked_at, announcedAt: row.announced_at }));
}
