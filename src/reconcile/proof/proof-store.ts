import { UNSEALED } from '../../ledger/log-store.ts';
import type { Tx } from '../../postgres/sql.ts';
import { type IdRange, mergedRanges } from './id-ranges.ts';

/** What is proven: accounting days, both included, as far as it was known at `knownAt` (null: now). */
export type ProofSpan = { readonly from: string; readonly to: string; readonly knownAt: Date | null };

/** What an account had before the period, and how its items stand at the end of it. */
export type Standing = {
  readonly accountId: number;
  readonly currency: string;
  readonly opening: bigint;
  /** Σ open items at the end of the period: those of today without what came later. */
  readonly openItems: bigint;
  /** Not zero today. */
  readonly openCount: number;
};

type Bounds = { first: string | null; last: string | null };
type Sums = { account_id: number; currency: string; before: string; after: string };

const IN_UTC = (time: string): string => `(${time} at time zone 'utc')::date`;

/**
 * Three stores that are kept apart: sums by day (before the period), the postings themselves (in it), and open items (at its
 * end). What they have in common is only the truth, so that a remainder names a store that is wrong.
 */
export async function standings(tx: Tx, accountIds: readonly number[], span: ProofSpan): Promise<Standing[]> {
  const { from, to, knownAt } = span;
  const values = [accountIds, from, to, knownAt];
  const sealed = await tx.query<Sums>(
    `select d.account_id, d.currency,
       coalesce(sum(d.debits - d.credits) filter (where d.accounting_date < $2 and ($4::timestamptz is null or d.recorded_day < ${IN_UTC('$4')})), 0)::text as before,
       coalesce(sum(d.debits - d.credits) filter (where d.accounting_date > $3 or d.recorded_day > ${IN_UTC('$4::timestamptz')}), 0)::text as after
     from postern.balance_days d where d.account_id = any ($1::int4[]) group by 1, 2`,
    values,
  );
  const unsealed = await tx.query<Sums>(
    `select p.account_id, p.currency,
       coalesce(sum(p.amount) filter (where t.accounting_date < $2 and ($4::timestamptz is null or ${IN_UTC('t.recorded_at')} < ${IN_UTC('$4')})), 0)::text as before,
       coalesce(sum(p.amount) filter (where t.accounting_date > $3 or ${IN_UTC('t.recorded_at')} > ${IN_UTC('$4::timestamptz')}), 0)::text as after
     from ${UNSEALED} join postern.postings p on p.transaction_id = t.id and p.account_id = any ($1::int4[]) group by 1, 2`,
    values,
  );
  const cut = knownAt === null ? [] : await cutThrough(tx, accountIds, { ...span, knownAt });
  const items = await tx.query<{ account_id: number; currency: string; amount: string; count: number }>(
    `select o.account_id, o.currency, sum(o.amount)::text as amount, count(*) filter (where o.amount <> 0)::int4 as count
     from postern.open_items o where o.account_id = any ($1::int4[]) group by 1, 2`,
    [accountIds],
  );
  const found = new Map<
    string,
    { accountId: number; currency: string; opening: bigint; items: bigint; count: number }
  >();
  const at = (accountId: number, currency: string) => {
    const key = `${accountId} ${currency}`;
    const one = found.get(key) ?? { accountId, currency, opening: 0n, items: 0n, count: 0 };
    found.set(key, one);
    return one;
  };
  for (const row of [...sealed.rows, ...unsealed.rows, ...cut]) {
    const one = at(row.account_id, row.currency);
    one.opening += BigInt(row.before);
    one.items -= BigInt(row.after);
  }
  for (const row of items.rows) {
    const one = at(row.account_id, row.currency);
    one.items += BigInt(row.amount);
    one.count = row.count;
  }
  return [...found.values()].map(({ items: openItems, count, ...rest }) => ({ ...rest, openItems, openCount: count }));
}

/** Of the day in which `knownAt` lies, the sums of days say too much: its lines are looked at one by one. */
async function cutThrough(
  tx: Tx,
  accountIds: readonly number[],
  { from, to, knownAt }: ProofSpan & { knownAt: Date },
): Promise<Sums[]> {
  const day = knownAt.toISOString().slice(0, 10);
  const ranges = await rangesOf(tx, accountIds, { column: 'recorded_day', from: day, to: day });
  const sums: Sums[] = [];
  for (const { first, last } of ranges) {
    const { rows } = await tx.query<Sums>(
      `select p.account_id, p.currency,
         coalesce(sum(p.amount) filter (where t.accounting_date < $5 and t.recorded_at <= $7), 0)::text as before,
         coalesce(sum(p.amount) filter (where t.accounting_date <= $6 and t.recorded_at > $7), 0)::text as after
       from postern.postings p join postern.transactions t on t.id = p.transaction_id
       where p.account_id = any ($1::int4[]) and p.transaction_id between $2 and $3 and t.id between $2 and $3
         and ${IN_UTC('t.recorded_at')} = $4
       group by 1, 2`,
      [accountIds, first, last, day, from, to, knownAt],
    );
    sums.push(...rows);
  }
  return sums;
}

/** Where the transactions of these days lie. What is not sealed yet lies at the end, between ids of its own. */
export async function rangesOf(
  tx: Tx,
  accountIds: readonly number[],
  {
    column,
    from,
    to,
    days = null,
  }: { column: 'accounting_date' | 'recorded_day'; from: string; to: string; days?: readonly string[] | null },
): Promise<IdRange[]> {
  const day = column === 'accounting_date' ? 't.accounting_date' : IN_UTC('t.recorded_at');
  const { rows } = await tx.query<Bounds>(
    `select d.first_id as first, d.last_id as last from postern.balance_days d
     where d.account_id = any ($1::int4[]) and d.${column} between $2 and $3 and ($4::date[] is null or d.${column} = any ($4))
     union all
     select min(t.id::text collate "C")::uuid, max(t.id::text collate "C")::uuid
     from ${UNSEALED} where ${day} between $2 and $3`,
    [accountIds, from, to, days],
  );
  return mergedRanges(rows.flatMap(({ first, last }) => (first === null || last === null ? [] : [{ first, last }])));
}
