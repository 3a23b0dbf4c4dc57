import type { IdRange } from '../proof/id-ranges.ts';
import type { Scope } from './scope.ts';
import { amount, type Column, count, day, text } from './table.ts';

const WHOSE = [text('provider'), text('account')];

const BACK = `('payout.failed', 'payout.cancelled', 'payout.returned')`;

/**
 * What was paid out and what came back in the period as `paid`, by payout; and the lines of reports that tell of its paying out: that
 * it came back stands in the batch of another. Between the ids that the period spans an account's payouts are few, whatever else
 * was recorded.
 */
const PAID = `paid as materialized (
  select b.provider, b.account, p.account_id, p.reference, p.currency, min(t.accounting_date) as day,
    coalesce(sum(p.amount) filter (where t.kind = 'payout.created'), 0) as amount,
    coalesce(sum(p.amount) filter (where t.kind in ${BACK}), 0) as back
  from postern.postings p
  join postern.transactions t on t.id = p.transaction_id
  join unnest($1::int4[], $2::text[], $3::text[]) as b (id, provider, account) on b.id = p.account_id
  where p.account_id = any ($1::int4[]) and p.transaction_id between $4 and $5 and t.accounting_date between $6 and $7
    and (t.kind = 'payout.created' or t.kind in ${BACK})
    and not exists (select from postern.transactions r where r.reverses = t.id)
    and ($8::text is null or p.currency = $8)
  group by 1, 2, 3, 4, 5
), told as materialized (
  select distinct on (l.provider, l.account, l.reference, l.settlement_id, l.batch, l.currency)
    l.provider, l.account, l.reference, l.settlement_id, l.batch, l.currency
  from paid join postern.settlement_lines l on l.reference = paid.reference and l.provider = paid.provider and l.account = paid.account
  where l.moves_money and l.removed_by is null and l.kind in ('payout', 'topup')
)`;

function valuesOf({ books, days, filter }: Scope, range: IdRange | null): unknown[] {
  const transit = books.filter(({ role }) => role === 'bank_in_transit');
  return [
    transit.map(({ id }) => id),
    transit.map(({ provider }) => provider),
    transit.map(({ account }) => account),
    range?.first ?? null,
    range?.last ?? null,
    days.from,
    days.to,
    filter.currency,
  ];
}

export const PAYOUT_COLUMNS: readonly Column[] = [
  ...WHOSE,
  text('payout'),
  text('batch'),
  text('currency'),
  day('day'),
  count('lines', { total: true }),
  amount('gross', { total: true }),
  amount('fee', { total: true }),
  amount('tax', { total: true }),
  amount('net', { total: true }),
  amount('paid_out', { total: true }),
  amount('returned', { total: true }),
  amount('at_bank', { total: true }),
  amount('open', { total: true }),
  text('state'),
];

/**
 * Each payout: what its batch adds up to, what was paid out and came back in the period, what of all of it the bank saw, and what is
 * open: both of now, because it may come back or be seen in another period.
 */
export const payouts = (scope: Scope, range: IdRange | null) => ({
  text: `with ${PAID}, batch as (
      select t.provider, t.account, t.reference, string_agg(distinct t.batch, ' ' order by t.batch) as batch, sum(s.lines)::int4 as lines,
        sum(s.gross) as gross, sum(s.fee) as fee, sum(s.tax) as tax, sum(s.net) as net
      from told t left join postern.settlement_batches s on s.settlement_id = t.settlement_id and s.batch = t.batch and s.currency = t.currency
      group by 1, 2, 3
    )
    select p.provider, p.account, p.reference as payout, b.batch, p.currency, p.day::text as day, b.lines, b.gross::text as gross,
      b.fee::text as fee, b.tax::text as tax, b.net::text as net, p.amount::text as paid_out,
      p.back::text as returned, w.at_bank::text as at_bank, coalesce(o.amount, 0)::text as open,
      case when coalesce(o.amount, 0) <> 0 then coalesce(r.class, r.bucket, 'not_judged') when w.is_back then 'returned' else 'matched' end
        as state
    from paid p
    cross join lateral (
      select coalesce(-sum(x.amount) filter (where t.kind in ('bank.line', 'match.allocated')), 0) as at_bank,
        bool_or(t.kind in ${BACK}) and coalesce(sum(x.amount) filter (where t.kind = 'payout.created' or t.kind in ${BACK}), 0) = 0 as is_back
      from postern.postings x join postern.transactions t on t.id = x.transaction_id
      where x.account_id = p.account_id and x.reference = p.reference and x.currency = p.currency
        and not exists (select from postern.transactions u where u.reverses = t.id)
    ) as w
    left join batch b on b.provider = p.provider and b.account = p.account and b.reference = p.reference
    left join postern.open_items o on o.account_id = p.account_id and o.reference = p.reference and o.component = '' and o.currency = p.currency
    left join postern.residue r on r.account_id = p.account_id and r.reference = p.reference and r.component = '' and r.currency = p.currency
    order by p.provider, p.account, p.day, p.reference, p.currency`,
  values: valuesOf(scope, range),
});

export const MAKEUP_COLUMNS: readonly Column[] = [
  ...WHOSE,
  text('payout'),
  text('batch'),
  text('kind'),
  text('currency'),
  count('lines', { total: true }),
  amount('gross', { total: true }),
  amount('fee', { total: true }),
  amount('tax', { total: true }),
  amount('net', { total: true }),
];

/** What each payout is made of, by kind of line: all of them but itself add up to it. */
export const payoutMakeup = (scope: Scope, range: IdRange | null) => ({
  text: `with ${PAID}
    select t.provider, t.account, t.reference as payout, l.batch, l.kind, l.currency, count(*)::int4 as lines, sum(l.gross)::text as gross,
      sum(l.fee)::text as fee, sum(l.tax)::text as tax, sum(l.net)::text as net
    from told t join postern.settlement_lines l on l.settlement_id = t.settlement_id and l.batch = t.batch and l.currency = t.currency
      and l.moves_money and l.removed_by is null and l.settlement_id = any (array(select distinct t.settlement_id from told t))
    group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 6, 5`,
  values: valuesOf(scope, range),
  hashed: true as const,
});

export const BANK_LINE_COLUMNS: readonly Column[] = [
  ...WHOSE,
  text('payout'),
  text('bank_account'),
  text('statement'),
  day('booked_on'),
  text('currency'),
  amount('amount', { total: true }),
  text('text'),
  text('identity'),
];

/** Lines of statements that are a processor's: with the payouts they were posted under or allocated to, or with none yet. */
export const bankLines = ({ books, selection, days, filter }: Scope) => ({
  text: `select l.provider, l.account, coalesce(m.payouts, case when l.reference is distinct from l.identity then l.reference end) as payout,
      l.bank_account, l.statement, (l.booked_at at time zone l.zone)::date::text as booked_on, l.currency, l.amount, l.text, l.identity
    from postern.bank_lines l
    left join unnest($1::int4[], $2::text[], $3::text[]) as b (id, provider, account) on b.provider = l.provider and b.account = l.account
    left join lateral (
      select string_agg(case when m.debit_reference = l.reference then m.credit_reference else m.debit_reference end, ' ' order by m.id) as payouts
      from postern.matches m
      where m.account_id = b.id and m.undone_at is null and (m.debit_reference = l.reference or m.credit_reference = l.reference)
    ) as m on true
    where l.provider is not null and (l.booked_at at time zone l.zone)::date between $4 and $5
      and ($6::text is null or l.provider = $6) and ($7::text is null or l.account = $7) and ($8::text is null or l.currency = $8)
    order by l.provider, l.account, l.booked_at, l.id`,
  values: [
    ...(['id', 'provider', 'account'] as const).map((name) =>
      books.filter(({ role }) => role === 'bank_in_transit').map((book) => book[name]),
    ),
    days.from,
    days.to,
    selection.provider,
    selection.account,
    filter.currency,
  ],
});
