import { ADVISORY_LOCK_CLASS } from '../postgres/locks.ts';
import type { Sql, Tx } from '../postgres/sql.ts';

export type ReconciliationStatus = 'running' | 'done' | 'failed';

export type ReconciliationRow = {
  readonly id: string;
  readonly actor: string;
  readonly status: ReconciliationStatus;
  readonly started_at: Date;
  readonly ended_at: Date | null;
  readonly postings: bigint;
  readonly open_items: bigint;
  readonly differences: bigint;
  readonly error: string | null;
};

/** Kept and recomputed amounts; without a reference it is a balance, with one an open item. */
export type Compared = {
  readonly currency: string;
  readonly reference: string | null;
  readonly component: string | null;
  readonly kept: bigint;
  readonly recomputed: bigint;
};

/** A run takes its lock at once; one without it for this long has lost its process. */
const LOST_AFTER = "interval '60 seconds'";

const IS_LOST = `r.status = 'running' and r.started_at < now() - ${LOST_AFTER} and not exists (
  select from pg_locks l where l.locktype = 'advisory' and l.classid = ${ADVISORY_LOCK_CLASS.reconciling} and l.objid = r.account_id
    and l.objsubid = 2 and l.granted and l.database = (select d.oid from pg_database d where d.datname = current_database()))`;

const COLUMNS = `r.id, r.actor, case when ${IS_LOST} then 'failed' else r.status end as status, r.started_at, r.ended_at, r.postings,
  r.open_items, r.differences, case when ${IS_LOST} then 'its process ended' else r.error end as error`;

/** Runs of an account whose differences are kept; of those before them the counts alone. */
const RUNS_KEPT = 20;

/** Begins a run, unless one of this account is under way. */
export async function beginReconciliation(
  tx: Tx,
  run: { readonly id: string; readonly accountId: number; readonly actor: string },
): Promise<boolean> {
  await tx.query(
    `update postern.account_reconciliations r set status = 'failed', ended_at = now(), error = 'its process ended'
     where r.account_id = $1 and ${IS_LOST}`,
    [run.accountId],
  );
  const result = await tx.query(
    `insert into postern.account_reconciliations (id, account_id, actor) values ($1, $2, $3)
     on conflict (account_id) where status = 'running' do nothing`,
    [run.id, run.accountId, run.actor],
  );
  await tx.query(
    `delete from postern.account_differences d using (
       select r.id from postern.account_reconciliations r where r.account_id = $1 order by r.id desc offset ${RUNS_KEPT} limit 5
     ) as old where d.reconciliation_id = old.id`,
    [run.accountId],
  );
  return result.rowCount === 1;
}

/** Until the end of the transaction: tells everybody that this run lives. False where another one does. */
export async function holdReconciliation(tx: Tx, accountId: number): Promise<boolean> {
  const result = await tx.query<{ held: boolean }>(
    `select pg_try_advisory_xact_lock(${ADVISORY_LOCK_CLASS.reconciling}, $1) as held`,
    [accountId],
  );
  return result.rows[0]?.held === true;
}

export type Slice = {
  readonly lines: number;
  readonly last: { readonly transactionId: string; readonly line: number } | null;
  readonly sums: readonly { readonly currency: string; readonly amount: bigint }[];
};

/** The next lines of an account, summed by currency. */
export async function sumSlice(tx: Tx, accountId: number, after: Slice['last'], limit: number): Promise<Slice> {
  const result = await tx.query<{ lines: bigint; id: string; line: number; sums: Record<string, string> | null }>(
    {
      name: 'reconciliation-sum-slice',
      text: `with slice as materialized (
          select p.transaction_id, p.line, p.currency, p.amount from postern.postings p
          where p.account_id = $1
            and ($2::uuid is null or p.transaction_id >= $2 and (p.transaction_id, p.line) > ($2, $3::int2))
          order by p.transaction_id, p.line limit $4
        ), last as (select s.transaction_id, s.line from slice s order by s.transaction_id desc, s.line desc limit 1)
        select (select count(*) from slice) as lines, l.transaction_id as id, l.line,
          (select jsonb_object_agg(c.currency, c.amount) from (
             select s.currency, sum(s.amount)::text as amount from slice s group by 1) as c) as sums
        from last l`,
    },
    [accountId, after?.transactionId ?? null, after?.line ?? null, limit],
  );
  const row = result.rows[0];
  if (row === undefined) return { lines: 0, last: null, sums: [] };
  return {
    lines: Number(row.lines),
    last: { transactionId: row.id, line: row.line },
    sums: Object.entries(row.sums ?? {}).map(([currency, amount]) => ({ currency, amount: BigInt(amount) })),
  };
}

export async function keptOf(tx: Tx, accountId: number): Promise<{ currency: string; kept: bigint }[]> {
  const result = await tx.query<{ currency: string; kept: string }>(
    'select b.currency, (b.debits - b.credits)::text as kept from postern.balances b where b.account_id = $1',
    [accountId],
  );
  return result.rows.map((row) => ({ currency: row.currency, kept: BigInt(row.kept) }));
}

/**
 * The next kept items of an account, each with what its lines come to. The end of a slice is a reference, so that no item is
 * seen twice; `limit` bounds how many.
 */
export async function itemsSlice(
  tx: Tx,
  accountId: number,
  after: string | null,
  limit: number,
): Promise<{ readonly last: string | null; readonly items: readonly Compared[] }> {
  const result = await tx.query<{ reference: string; component: string; currency: string; kept: bigint; sum: string }>(
    {
      name: 'reconciliation-items-slice',
      text: `with refs as materialized (
          select distinct s.reference from (
            select o.reference from postern.open_items o
            where o.account_id = $1 and ($2::text is null or o.reference > $2) order by o.reference limit $3
          ) as s
        )
        select o.reference, o.component, o.currency, o.amount as kept, (
            select coalesce(sum(p.amount), 0)::text from postern.postings p
            where p.reference = o.reference and p.account_id = $1 and coalesce(p.component, '') = o.component
              and p.currency = o.currency
          ) as sum
        from refs r join postern.open_items o on o.account_id = $1 and o.reference = r.reference
        order by 1, 2, 3`,
    },
    [accountId, after, limit],
  );
  return {
    last: result.rows.at(-1)?.reference ?? null,
    items: result.rows.map((row) => ({
      currency: row.currency,
      reference: row.reference,
      component: row.component === '' ? null : row.component,
      kept: row.kept,
      recomputed: BigInt(row.sum),
    })),
  };
}

/** Items that lines make and nothing is kept of: those whose first line is in this slice (as `sumSlice` has it). */
export async function unkeptItems(
  tx: Tx,
  accountId: number,
  after: Slice['last'],
  limit: number,
): Promise<readonly Compared[]> {
  const result = await tx.query<{ reference: string; component: string | null; currency: string; sum: string }>(
    {
      name: 'reconciliation-unkept-items',
      text: `with slice as materialized (
          select p.transaction_id, p.line, p.reference, p.component, p.currency from postern.postings p
          where p.account_id = $1
            and ($2::uuid is null or p.transaction_id >= $2 and (p.transaction_id, p.line) > ($2, $3::int2))
          order by p.transaction_id, p.line limit $4
        )
        select u.reference, u.component, u.currency, sum(p.amount)::text as sum
        from (
          select distinct on (s.reference, s.component, s.currency) s.* from slice s
          where s.reference is not null and not exists (select from postern.open_items o where o.account_id = $1
            and o.reference = s.reference and o.component = coalesce(s.component, '') and o.currency = s.currency)
          order by s.reference, s.component, s.currency, s.transaction_id, s.line
        ) as u
        join postern.postings p on p.reference = u.reference and p.account_id = $1
          and p.component is not distinct from u.component and p.currency = u.currency
        group by u.reference, u.component, u.currency, u.transaction_id, u.line
        having bool_and((p.transaction_id, p.line) >= (u.transaction_id, u.line))
        order by 1, 2, 3`,
    },
    [accountId, after?.transactionId ?? null, after?.line ?? null, limit],
  );
  return result.rows.map(({ sum, ...row }) => ({ ...row, kept: 0n, recomputed: BigInt(sum) }));
}

export async function insertDifferences(sql: Sql, id: string, from: number, rows: readonly Compared[]): Promise<void> {
  await sql.query(
    `insert into postern.account_differences (reconciliation_id, line, currency, reference, component, kept, recomputed)
     select $1, $2 + d.n::int4 - 1, d.currency, d.reference, d.component, d.kept, d.recomputed
     from unnest($3::text[], $4::text[], $5::text[], $6::numeric[], $7::numeric[]) with ordinality
       as d (currency, reference, component, kept, recomputed, n)`,
    [
      id,
      from,
      rows.map((r) => r.currency),
      rows.map((r) => r.reference),
      rows.map((r) => r.component),
      rows.map((r) => String(r.kept)),
      rows.map((r) => String(r.recomputed)),
    ],
  );
}

export async function endReconciliation(
  sql: Sql,
  id: string,
  end: {
    readonly status: Exclude<ReconciliationStatus, 'running'>;
    readonly postings: bigint;
    readonly openItems: bigint;
    readonly differences: bigint;
    readonly error: string | null;
  },
): Promise<void> {
  await sql.query(
    `update postern.account_reconciliations set status = $2, ended_at = now(), postings = $3, open_items = $4, differences = $5,
       error = $6 where id = $1 and status = 'running'`,
    [id, end.status, end.postings, end.openItems, end.differences, end.error],
  );
}

/** Newest first, of one account. */
export async function selectReconciliations(
  sql: Sql,
  accountId: number,
  page: { readonly before: string | null; readonly limit: number },
): Promise<ReconciliationRow[]> {
  const result = await sql.query<ReconciliationRow>(
    `select ${COLUMNS} from postern.account_reconciliations r
     where r.account_id = $1 and ($2::uuid is null or r.id < $2) order by r.id desc limit $3`,
    [accountId, page.before, page.limit],
  );
  return result.rows;
}

/** One run of an account: the one with this id, or the newest that is done (`done`) or under way (`running`). */
export async function findReconciliation(
  sql: Sql,
  accountId: number,
  wanted: { readonly id: string } | { readonly newest: 'done' | 'running' },
): Promise<ReconciliationRow | undefined> {
  const [id, status] = 'id' in wanted ? [wanted.id, null] : [null, wanted.newest];
  const result = await sql.query<ReconciliationRow>(
    `select ${COLUMNS} from postern.account_reconciliations r
     where r.account_id = $1 and ($2::uuid is null or r.id = $2) and ($3::text is null or r.status = $3)
     order by r.id desc limit 1`,
    [accountId, id, status],
  );
  return result.rows[0];
}

export async function selectDifferences(
  sql: Sql,
  id: string,
  page: { readonly after: number; readonly limit: number },
): Promise<(Compared & { readonly line: number })[]> {
  const result = await sql.query<{
    line: number;
    currency: string;
    reference: string | null;
    component: string | null;
    kept: string;
    recomputed: string;
  }>(
    `select line, currency, reference, component, kept::text, recomputed::text from postern.account_differences
     where reconciliation_id = $1 and line > $2 order by line limit $3`,
    [id, page.after, page.limit],
  );
  return result.rows.map((row) => ({ ...row, kept: BigInt(row.kept), recomputed: BigInt(row.recomputed) }));
}
