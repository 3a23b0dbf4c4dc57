import type { Sql } from '../../postgres/sql.ts';
import { UNSEALED } from '../log-store.ts';
import type { Fault } from './report.ts';

/*
 * Sums over lines, each multiplied by a number made from what it belongs to: two tables with the same figures under the same keys
 * have the same sum, and any difference shows, without either being sorted or held. All is modulo a prime, in whole numbers that
 * fit: exact decimals would cost three times as much for each line. The seed is new each time, so that nobody can make figures
 * that cancel out; by chance it happens once in 2^30 times.
 */
export type Sums = { readonly balances: bigint; readonly days: bigint; readonly items: bigint };

/** As a type, int4: a sum of them is an int8 and none overflows. */
export const PRIME = 2_147_483_647;

export const NO_SUMS: Sums = { balances: 0n, days: 0n, items: 0n };

export const added = (a: Sums, b: Sums): Sums => ({
  balances: residue(a.balances + b.balances),
  days: residue(a.days + b.days),
  items: residue(a.items + b.items),
});

export const taken = (a: Sums, b: Sums): Sums => ({
  balances: residue(a.balances - b.balances),
  days: residue(a.days - b.days),
  items: residue(a.items - b.items),
});

const residue = (sum: bigint): bigint => ((sum % BigInt(PRIME)) + BigInt(PRIME)) % BigInt(PRIME);

export type SumsRow = { readonly balances: string | null; readonly days: string | null; readonly items: string | null };

export const sumsOf = (row: SumsRow | undefined): Sums => ({
  balances: residue(BigInt(row?.balances ?? 0)),
  days: residue(BigInt(row?.days ?? 0)),
  items: residue(BigInt(row?.items ?? 0)),
});

/** A number for an account and currency; `of` is the alias of what has both. */
export const h = (of: string): string =>
  `hashtextextended(${of}.currency collate "C", hashint4extended(${of}.account_id, $1))`;

/** Credits are told apart from debits by a factor, not by a sign: one that turned into the other must not cancel out. */
export const balanceTerm = (amount: string, hash: string): string =>
  `(${amount} % ${PRIME} * (case when ${amount} > 0 then ${hash} % ${PRIME} else ${hash} % ${PRIME} * -3 % ${PRIME} end) % ${PRIME})::int4`;
const SIDES = '(debits + credits * 3)';

/** A product of a number for what moved and one for its days: so lines are summed before their days are looked at. */
export const dayFactor = (effective: string, recorded: string, accounting: string): string => {
  const day = (date: string): string => `${date} - date '2000-01-01'`;
  return `(hashint4extended(${day(effective)}, hashint4extended(${day(recorded)}, hashint4extended(${day(accounting)}, ~$1::int8))) % ${PRIME})`;
};

export const itemTerm = (amount: string, reference: string, component: string, hash: string): string =>
  `(${amount} % ${PRIME} * (hashtextextended(${reference} collate "C", hashtextextended(${component} collate "C", ${hash})) % ${PRIME}) % ${PRIME})::int4`;

export const EFFECTIVE_DAY = `(t.effective_at at time zone 'utc')::date`;
export const RECORDED_DAY = `(t.recorded_at at time zone 'utc')::date`;

/** The lines that no day has yet, because their transactions are not sealed. Only the sum by day is made. */
export async function sumUnsealedLines(sql: Sql, seed: bigint): Promise<Sums> {
  const { rows } = await sql.query<SumsRow>(
    `select null as balances, null as items,
       sum(${balanceTerm('p.amount', h('p'))}::int8 * ${dayFactor(EFFECTIVE_DAY, RECORDED_DAY, 't.accounting_date')} % ${PRIME})::text as days
     from ${UNSEALED} join postern.postings p on p.transaction_id = t.id`,
    [seed],
  );
  return sumsOf(rows[0]);
}

export type KeptSums = { readonly sums: Sums; readonly rows: { readonly balances: number; readonly days: number } };

/** The same sums of the balances and days that are kept. */
export async function sumKept(sql: Sql, seed: bigint): Promise<KeptSums> {
  const { rows } = await sql.query<SumsRow & { balance_rows: number; day_rows: number }>(
    `select b.balances, d.days, null as items, b.rows as balance_rows, d.rows as day_rows
     from (
       select sum(${SIDES} * (${h('b')} % ${PRIME}))::text as balances, count(*)::int4 as rows
       from postern.balances b
     ) as b cross join (
       select sum(${SIDES} * (${h('d')} % ${PRIME})
         * ${dayFactor('effective_day', 'recorded_day', 'accounting_date')})::text as days, count(*)::int4 as rows
       from postern.balance_days d
     ) as d`,
    [seed],
  );
  const row = rows[0];
  return { sums: sumsOf(row), rows: { balances: row?.balance_rows ?? 0, days: row?.day_rows ?? 0 } };
}

export type KeptItems = { readonly sums: Sums; readonly rows: number; readonly uneven: Fault | null };

/** The same sum of open items, and the first account whose open items do not make up its balance: in one look at them. */
export async function sumItems(sql: Sql, seed: bigint): Promise<KeptItems> {
  const { rows } = await sql.query<{
    items: string | null;
    rows: number;
    path: string | null;
    currency: string | null;
    open: string | null;
    balance: string | null;
  }>(
    `with open as materialized (
       select o.account_id, o.currency, sum(o.amount) as amount, count(*) as rows,
         sum(${itemTerm('o.amount', 'o.reference', 'o.component', h('o'))}) as items
       from postern.open_items o group by 1, 2
     )
     select s.items::text, s.rows::int4, u.path, u.currency, u.open, u.balance
     from (select sum(items) as items, coalesce(sum(rows), 0) as rows from open) as s
     left join lateral (
       select a.path, currency, coalesce(i.amount, 0)::text as open, coalesce(b.debits - b.credits, 0)::text as balance
       from open as i
       full join (select b.* from postern.balances b join postern.accounts a on a.id = b.account_id and a.open_item) as b
         using (account_id, currency)
       left join postern.accounts a on a.id = account_id
       where coalesce(i.amount, 0) <> coalesce(b.debits - b.credits, 0) order by a.path, currency limit 1
     ) as u on true`,
    [seed],
  );
  const row = rows[0];
  const uneven =
    row === undefined || row.currency === null
      ? null
      : {
          row: `account ${row.path} in ${row.currency}`,
          found: `its open items are ${row.open}, its balance is ${row.balance}`,
        };
  return { sums: sumsOf({ balances: null, days: null, items: row?.items ?? null }), rows: row?.rows ?? 0, uneven };
}
