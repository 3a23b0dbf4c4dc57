import { UNBATCHED } from '../../settlement-line.ts';
import type { IdRange } from '../proof/id-ranges.ts';
import type { Scope } from './scope.ts';
import { amount, type Column, count, day, text } from './table.ts';

const WHOSE = [text('provider'), text('account')];

const BACK = `('payout.failed', 'payout.cancelled', 'payout.returned')`;

/** Gross to net runs over every line but these. */
const NOT_SETTLED = `('payout', 'payout_reversal', 'carry_forward')`;

/**
 * What was paid out and what came back in the period as `paid`, by payout; and as `told` the batches in which lines of reports tell of
 * its paying out: that it came back stands in the batch of another. Between the ids that the period spans an account's payouts are
 * few, whatever else was recorded.
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
  select distinct l.provider, l.account, l.reference, paid.currency as paid_in, l.batch, l.currency,
    s.mode <> 'balance' and l.batch <> '${UNBATCHED}' as is_whole
  from paid join postern.settlement_lines l on l.reference = paid.reference and l.provider = paid.provider and l.account = paid.account
  join postern.settlements s on s.id = l.settlement_id
  where l.moves_money and l.removed_by is null and l.kind in ('payout', 'topup')
)`;

/**
 * What stands of those batches by kind of line, whichever files brought it: a payout may come in a file of its own, a line in one
 * that a later version amended, or in one that did not name its batch yet. The files are read whole: no join meets their lines. A
 * report's period is no batch that a payout is made of.
 */
const MADE = `made as materialized (
  select l.provider, l.account, l.batch, l.currency, l.kind, count(*) as lines, sum(l.gross) as gross, sum(l.fee) as fee,
    sum(l.tax) as tax, sum(l.net) as net
  from postern.settlement_lines l
  where l.moves_money and l.removed_by is null and l.settlement_id = any (array(
    select b.settlement_id from postern.settlement_batches b
    join postern.settlements s on s.id = b.settlement_id and s.moves_money and (s.provider, s.account) in (select t.provider, t.account from told t)
    where b.batch = '${UNBATCHED}' or b.batch in (select t.batch from told t where t.is_whole)
  ))
  group by 1, 2, 3, 4, 5
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
  text('batch_currency'),
  text('currency'),
  day('day'),
  count('lines', { total: true }),
  ...['gross', 'fee', 'tax', 'net'].map((key) => amount(key, { currencyIn: 'batch_currency', total: true })),
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
  text: `with ${PAID}, ${MADE}, batch as (
      select t.provider, t.account, t.reference, t.paid_in, string_agg(distinct t.batch, ' ' order by t.batch) as batch,
        min(t.currency) as currency, sum(m.lines)::int4 as lines, ${['gross', 'fee', 'tax', 'net']
          .map((name) => `sum(case when m.kind in ${NOT_SETTLED} then 0 else m.${name} end)::text as ${name}`)
          .join(', ')}
      from (
        -- What arrives in another currency than its batch has (GoCardless) is told in that one alone.
        select distinct on (t.provider, t.account, t.reference, t.paid_in, t.batch) t.* from told t
        order by t.provider, t.account, t.reference, t.paid_in, t.batch, t.currency <> t.paid_in, t.currency
      ) as t
      left join made m on t.is_whole and m.provider = t.provider and m.account = t.account and m.batch = t.batch and m.currency = t.currency
      group by 1, 2, 3, 4
    )
    select p.provider, p.account, p.reference as payout, b.batch, b.currency as batch_currency, p.currency, p.day::text as day, b.lines,
      b.gross, b.fee, b.tax, b.net, p.amount::text as paid_out,
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
    left join batch b on b.provider = p.provider and b.account = p.account and b.reference = p.reference and b.paid_in = p.currency
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
  text: `with ${PAID}, ${MADE}
    select t.provider, t.account, t.reference as payout, m.batch, m.kind, m.currency, m.lines::int4 as lines, m.gross::text as gross,
      m.fee::text as fee, m.tax::text as tax, m.net::text as net
    from (select distinct t.provider, t.account, t.reference, t.batch, t.currency from told t where t.is_whole) as t
    join made m on m.provider = t.provider and m.account = t.account and m.batch = t.batch and m.currency = t.currency
    order by 1, 2, 3, 4, 6, 5`,
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
