import { int4Array, textArray } from '../../postgres/binary-arrays.ts';
import type { Tx } from '../../postgres/sql.ts';

export type LateRow = {
  readonly account_id: number;
  readonly reference: string;
  readonly component: string;
  readonly currency: string;
  readonly announced_at: Date;
  readonly settled_at: Date;
  readonly due_at: Date;
};

const LATE_MAX = 5_000;

/**
 * Of what was touched and nets now: what was settled after its window, by its own lines or by those of what it was allocated to. Each
 * line is of the announcement that comes first of those no line before it was of, money that comes in and money that goes out apart:
 * a dispute may be won months after its payment, and may be named by it. `rules` are the accounts with their windows in days and
 * their zones.
 */
export async function settledLate(
  tx: Tx,
  rules: readonly { readonly id: number; readonly days: number; readonly zone: string }[],
  now: Date,
): Promise<LateRow[]> {
  if (rules.length === 0) return [];
  const { rows } = await tx.query<LateRow>(
    `select n.account_id, n.reference, n.component, n.currency, l.announced_at, l.settled_at, l.due_at
     from unnest($1::int4[], $2::int4[], $3::text[]) as u (id, days, zone)
     -- Where its window is open still, nothing of it is late.
     join pg_temp.touched_items n on n.account_id = u.id and n.component <> 'fee' and n.amount = 0 and (n.due_at > $4) is not true
     -- The last line by the first announcement: what is in time by that is in time by its own.
     cross join lateral (
       select m.settled_at, m.is_allocated, ((m.announced_at at time zone u.zone)::date + u.days + 1)::timestamp at time zone u.zone as due_at
       from (
         select min(t.effective_at) filter (where not starts_with(t.kind, 'settlement.') and t.kind not in ('match.allocated', 'write_off', 'reversal')) as announced_at,
           max(t.effective_at) filter (where starts_with(t.kind, 'settlement.')) as settled_at,
           bool_or(t.kind = 'match.allocated') as is_allocated
         from postern.postings p join postern.transactions t on t.id = p.transaction_id
         where p.reference = n.reference and p.account_id = n.account_id and coalesce(p.component, '') = n.component
           and p.currency = n.currency
       ) as m offset 0
     ) as m
     cross join lateral (
       -- All of one payment: each of its lines is of one of its announcements.
       with recursive tied (reference, component) as (
         select n.reference, n.component
         union
         select x.reference, x.component from tied i
         cross join lateral (
           select b.credit_reference, b.credit_component from postern.matches b
           where m.is_allocated and b.account_id = n.account_id and b.debit_reference = i.reference
             and b.debit_component = i.component and b.currency = n.currency and b.undone_at is null
           union all
           select b.debit_reference, b.debit_component from postern.matches b
           where m.is_allocated and b.account_id = n.account_id and b.credit_reference = i.reference
             and b.credit_component = i.component and b.currency = n.currency and b.undone_at is null
         ) as x (reference, component)
       ), moved as (
         select i.reference = n.reference and i.component = n.component as is_own, t.effective_at as at, starts_with(t.kind, 'settlement.') as is_line, (p.amount > 0) <> starts_with(t.kind, 'settlement.') as comes_in,
           abs(p.amount) as amount, sum(abs(p.amount)) over (partition by starts_with(t.kind, 'settlement.'), p.amount > 0
             order by t.effective_at, t.id) as upto
         from tied i
         join postern.postings p on p.reference = i.reference and p.account_id = n.account_id and coalesce(p.component, '') = i.component
           and p.currency = n.currency
         join postern.transactions t on t.id = p.transaction_id
         where t.kind not in ('match.allocated', 'write_off') and t.reverses is null
           and (select r.id from postern.transactions r where r.reverses = t.id) is null
       )
       select d.announced_at, s.at as settled_at, d.due_at
       from moved s
       cross join lateral (
         -- What was announced under another name is late under that.
         select a.announced_at, a.is_own, ((a.announced_at at time zone u.zone)::date + u.days + 1)::timestamp at time zone u.zone as due_at
         from (
           select a.at as announced_at, a.is_own from moved a
           where not a.is_line and a.comes_in = s.comes_in and a.upto > s.upto - s.amount order by a.at limit 1
         ) as a
       ) as d
       where s.is_line and d.is_own and s.at >= d.due_at order by s.at desc limit 1
     ) as l
     where m.settled_at >= m.due_at or m.is_allocated and m.due_at is not null limit ${LATE_MAX}`,
    [
      int4Array(rules.map((one) => one.id)),
      int4Array(rules.map((one) => one.days)),
      textArray(rules.map((one) => one.zone)),
      now,
    ],
  );
  return rows;
}

/** Accounts whose items were touched. */
export async function touchedAccounts(tx: Tx): Promise<number[]> {
  const { rows } = await tx.query<{ account_id: number }>('select distinct t.account_id from pg_temp.touched_items t');
  return rows.map((row) => row.account_id);
}
