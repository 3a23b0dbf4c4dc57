import type { Sql } from '../../postgres/sql.ts';
import type { ItemFacts, ItemKey, Movements, Mover } from './items.ts';
import { keyArrays } from './residue-store.ts';

/**
 * Who made a transaction `t` of a kind. What was reversed and its reversal are left out of the movements, so that a corrected
 * report or a match that was undone counts as if it had never been.
 */
const MOVER = `case
  when t.kind = 'match.allocated' then case when t.cause::jsonb ->> 'actor' = 'system' then 'passed' else 'allocated' end
  when t.kind = 'write_off' then 'written_off'
  when t.kind = 'settlement.opening' then 'opening'
  when t.kind = 'settlement.closing' then 'closing'
  when t.kind in ('settlement.payout', 'settlement.topup', 'settlement.payout_reversal', 'settlement.carry_forward') then 'payout_line'
  when starts_with(t.kind, 'settlement.') then 'line'
  when t.kind = 'bank.line' then 'bank'
  when t.kind = 'fee.recognised' then 'recognised'
  else 'announced' end`;

type FactRow = {
  no: number;
  amount: bigint;
  mover: Mover | null;
  sum: bigint;
  count: number;
  least: bigint;
  most: bigint;
  is_whole: boolean;
  first: number;
  last: number;
};

/** What the postings say of these items, in their order. */
export async function factsOf(sql: Sql, items: readonly ItemKey[]): Promise<ItemFacts[]> {
  if (items.length === 0) return [];
  const { rows } = await sql.query<FactRow>(
    `select i.no::int4 as no, o.amount, m.mover, m.sum, m.count, m.least, m.most, m.is_whole, m.first, m.last
     from unnest($1::int4[], $2::text[], $3::text[], $4::text[]) with ordinality as i (account_id, reference, component, currency, no)
     join postern.open_items o on o.account_id = i.account_id and o.reference = i.reference and o.component = i.component
       and o.currency = i.currency
     left join lateral (
       select p.mover, sum(p.amount)::int8 as sum, count(*)::int4 as count, min(p.amount) as least, max(p.amount) as most,
         bool_or(p.amount = o.amount or p.since = o.amount) as is_whole,
         (extract(epoch from min(p.at)) * 1000)::float8 as first, (extract(epoch from max(p.at)) * 1000)::float8 as last
       from (
         select ${MOVER} as mover, p.amount, t.effective_at as at,
           sum(p.amount) over (partition by ${MOVER} order by t.effective_at desc, p.amount, t.id) as since
         from postern.postings p join postern.transactions t on t.id = p.transaction_id
         where p.reference = i.reference and p.account_id = i.account_id and p.currency = i.currency
           and coalesce(p.component, '') = i.component and t.reverses is null
           and (select u.id from postern.transactions u where u.reverses = t.id) is null
       ) as p
       group by 1 offset 0
     ) as m on true
     order by i.no`,
    keyArrays(items),
  );
  const moved = items.map((): { amount: bigint; movers: Partial<Record<Mover, Movements>> } => ({
    amount: 0n,
    movers: {},
  }));
  for (const { no, amount, mover, is_whole: isWhole, ...rest } of rows) {
    const mine = moved[no - 1];
    if (mine === undefined) continue;
    mine.amount = amount;
    if (mover !== null) mine.movers[mover] = { ...rest, isWhole };
  }
  return items.map((item, n) => ({
    accountId: item.accountId,
    reference: item.reference,
    component: item.component,
    currency: item.currency,
    amount: moved[n]?.amount ?? 0n,
    moved: moved[n]?.movers ?? {},
  }));
}

/**
 * Since when (unix ms) the oldest of what is left of these items has been there, what came first having gone first. Holds that
 * a processor does not tell apart are one item: released and held anew, it is never zero.
 */
export async function leftSince(sql: Sql, items: readonly ItemKey[]): Promise<(number | undefined)[]> {
  if (items.length === 0) return [];
  const { rows } = await sql.query<{ no: number; since: number }>(
    `select i.no::int4 as no, (extract(epoch from m.since) * 1000)::float8 as since
     from unnest($1::int4[], $2::text[], $3::text[], $4::text[]) with ordinality as i (account_id, reference, component, currency, no)
     join postern.open_items o on o.account_id = i.account_id and o.reference = i.reference and o.component = i.component
       and o.currency = i.currency
     cross join lateral (
       select min(m.effective_at) as since from (
         select t.effective_at, sign(p.amount) = sign(o.amount) as came,
           sum(abs(p.amount)) filter (where sign(p.amount) = sign(o.amount)) over (order by t.effective_at, p.transaction_id) as upto,
           coalesce(sum(abs(p.amount)) filter (where sign(p.amount) = -sign(o.amount)) over (), 0) as gone
         from postern.postings p join postern.transactions t on t.id = p.transaction_id
         where p.reference = i.reference and p.account_id = i.account_id and p.currency = i.currency
           and coalesce(p.component, '') = i.component and t.reverses is null
           and (select u.id from postern.transactions u where u.reverses = t.id) is null
       ) as m where m.came and m.upto > m.gone
     ) as m
     where m.since is not null`,
    keyArrays(items),
  );
  const since = new Map(rows.map((row) => [row.no, row.since]));
  return items.map((_, n) => since.get(n + 1));
}
