import { inOrder } from '../contract-terms.ts';
import { LINES_OF_PERIOD } from '../proof/stated-store.ts';
import type { Scope } from './scope.ts';
import { amount, type Column, count, text } from './table.ts';

const WHOSE = [text('provider'), text('account')];

/** `$4` to `$7` as LINES_OF_PERIOD has them; what is before is the same for all that reads lines. */
const valuesOf = ({ days, selection, filter }: Scope): unknown[] => [
  null,
  null,
  filter.currency,
  days.from,
  days.to,
  selection.provider,
  selection.account,
];
const USED = `$1::int4 is null and $2::int4 is null and ($3::text is null or l.currency = $3)`;

export const FEE_COLUMNS: readonly Column[] = [
  ...WHOSE,
  text('payment_method'),
  text('kind'),
  text('currency'),
  count('lines', { total: true }),
  amount('gross', { total: true }),
  amount('fee', { total: true }),
  amount('tax', { total: true }),
  text('percent'),
  count('lines_in_contract', { total: true }),
  amount('fee_in_contract', { total: true }),
  amount('agreed', { total: true }),
  amount('above', { total: true }),
];

/**
 * The term of a contract for a line is the first that fits it, of terms in their order. A part of a minor unit is rounded half to even. What is charged in
 * rows of its own counts for the charge it is of.
 */
const TERM = `left join (
  select l.provider, l.account, l.batch, l.reference, l.key_source, l.currency, sum(l.fee) as fee
  from ${LINES_OF_PERIOD} and l.kind = 'charge' and l.gross = 0 and l.fee <> 0 and l.reference is not null
  group by 1, 2, 3, 4, 5, 6
) as apart on l.kind = 'charge' and l.gross > 0 and apart.provider = l.provider and apart.account = l.account and apart.batch = l.batch
  and apart.reference = l.reference and apart.currency = l.currency and coalesce(apart.key_source, '') = coalesce(l.key_source, '')
cross join lateral (select l.fee + coalesce(apart.fee, 0) as fee) as whole
left join lateral (
  select greatest(
      case when x.part - floor(x.part) = 0.5 then 2 * round(x.part / 2) else round(x.part) end + k.fixed, k.minimum
    ) as agreed
  from unnest($8::text[], $9::text[], $10::text[], $11::text[], $12::numeric[], $13::numeric[], $14::numeric[], $15::date[])
    with ordinality as k (provider, account, currency, method, percent, fixed, minimum, since, no)
  cross join lateral (select l.gross * k.percent / 100 as part) as x
  where l.kind = 'charge' and l.gross > 0 and k.provider = l.provider and k.account = l.account and k.currency = l.currency
    and (k.method is null or k.method = l.payment_method)
    and (k.since is null or (l.booked_at at time zone l.zone)::date >= k.since)
  order by k.no limit 1
) as k on true`;

/** Without a contract no line is looked at twice; the parameters stay the same. */
const NO_TERM = `cross join (select null::numeric as fee) as whole cross join (select null::numeric as agreed
  where cardinality($8::text[] || $9::text[] || $10::text[] || $11::text[]) + cardinality($12::numeric[] || $13::numeric[] || $14::numeric[])
    + cardinality($15::date[]) = 0) as k`;

/** What was charged, by method of payment, beside what was agreed for it: above it is what the lines have that are dearer. */
export function fees(scope: Scope) {
  const terms = scope.known.flatMap(({ provider, account, feeContract }) =>
    inOrder(feeContract).map((term) => ({ provider, account, ...term })),
  );
  return {
    text: `select l.provider, l.account, l.payment_method, l.kind, l.currency, count(*)::int4 as lines, sum(l.gross)::text as gross,
        sum(l.fee)::text as fee, sum(l.tax)::text as tax, (100 * sum(l.fee) / nullif(greatest(sum(l.gross), 0), 0))::numeric(20, 4)::text as percent,
        nullif(count(k.agreed), 0)::int4 as lines_in_contract, (sum(whole.fee) filter (where k.agreed is not null))::text as fee_in_contract,
        sum(k.agreed)::numeric(38)::text as agreed, sum(case when k.agreed is not null then greatest(whole.fee - k.agreed, 0) end)::numeric(38)::text as above
      from (select l.* from ${LINES_OF_PERIOD}) as l ${terms.length === 0 ? NO_TERM : TERM}
      where (l.fee <> 0 or l.tax <> 0 or k.agreed is not null) and ${USED}
      group by 1, 2, 3, 4, 5 order by 1, 2, 5, 3 nulls first, 4`,
    values: [
      ...valuesOf(scope),
      terms.map(({ provider }) => provider),
      terms.map(({ account }) => account),
      terms.map(({ currency }) => currency),
      terms.map(({ payment_method: method }) => method ?? null),
      terms.map(({ percent }) => percent ?? '0'),
      terms.map(({ fixed }) => fixed ?? '0'),
      terms.map(({ minimum }) => minimum ?? '0'),
      terms.map(({ from }) => from ?? null),
    ],
  };
}

export const FX_COLUMNS: readonly Column[] = [
  ...WHOSE,
  text('kind'),
  text('other_currency'),
  text('currency'),
  count('lines', { total: true }),
  amount('other_amount', { currencyIn: 'other_currency' }),
  amount('gross', { total: true }),
  text('lowest_rate'),
  text('highest_rate'),
];

/** A rate as a number; what is none is neither the lowest nor the highest. */
const RATE = `case when l.fx_rate ~ '^[0-9]{1,20}(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?$' then l.fx_rate::numeric end`;

/** What was paid in one currency and settled in another, or left in another for the bank. Rates stand as they were written. */
export const exchanges = (scope: Scope) => ({
  text: `select provider, account, kind, other_currency, currency, sum(lines)::int4 as lines, sum(other_amount)::text as other_amount,
      sum(gross)::text as gross, (array_agg(fx_rate order by rate, fx_rate) filter (where rate is not null))[1] as lowest_rate,
      (array_agg(fx_rate order by rate desc, fx_rate) filter (where rate is not null))[1] as highest_rate
    from (
      select l.provider, l.account, l.kind, l.other_currency, l.currency, l.fx_rate, ${RATE} as rate, count(*) as lines,
        sum(l.other_amount) as other_amount, sum(l.gross) as gross
      from (select l.* from ${LINES_OF_PERIOD}) as l where l.other_currency is not null and ${USED}
      group by 1, 2, 3, 4, 5, 6
    ) as by_rate
    group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5`,
  values: valuesOf(scope),
});
