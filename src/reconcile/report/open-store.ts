import { OPEN } from '../proof/stated-store.ts';
import { bookColumns, type Scope } from './scope.ts';
import { amount, type Column, count, day, text, time } from './table.ts';

/** What an open item waits for, by the account it is open on. */
const AWAITS = `case split_part(a.path, ':', 2)
  when 'processor_pending' then 'settlement' when 'processor_balance' then 'payout' when 'bank_in_transit' then 'bank'
  when 'processor_reserve' then 'release' when 'disputes_receivable' then 'ruling' when 'refunds_payable' then 'refund'
  else 'a person' end`;

const BASE = `with ${OPEN}, item as (
  select b.provider, b.account, split_part(a.path, ':', 2) as item, ${AWAITS} as awaits, o.*,
    (o.due_at at time zone coalesce(k.zone, 'UTC'))::date as expected_by
  from open o
  join unnest($1::int4[], $2::text[], $3::text[]) as b (id, provider, account) on b.id = o.account_id
  join postern.accounts a on a.id = o.account_id
  left join unnest($4::text[], $5::text[], $6::text[]) as k (provider, account, zone) on k.provider = b.provider and k.account = b.account
  where o.state <> 'discrepancy' and (o.opened_at is null or (o.opened_at at time zone coalesce(k.zone, 'UTC'))::date <= $7)
    and ($8::text is null or o.currency = $8)
)`;

function valuesOf({ books, known, days, filter }: Scope): unknown[] {
  const { ids, providers, accounts } = bookColumns(books);
  return [
    ids,
    providers,
    accounts,
    known.map(({ provider }) => provider),
    known.map(({ account }) => account),
    known.map(({ zone }) => zone),
    days.to,
    filter.currency,
  ];
}

export const IN_TRANSIT_COLUMNS: readonly Column[] = [
  text('provider'),
  text('account'),
  text('item'),
  text('state'),
  text('awaits'),
  text('currency'),
  day('expected_by'),
  count('count', { total: true }),
  amount('amount', { total: true }),
];

/** Open and no discrepancy, by the day it is expected by. */
export const inTransit = (scope: Scope) => ({
  text: `${BASE}
    select provider, account, item, state, awaits, currency, expected_by::text as expected_by, count(*)::int4 as count, sum(amount)::text as amount
    from item group by 1, 2, 3, 4, 5, 6, item.expected_by order by 1, 2, 3, 4, 6, item.expected_by nulls last`,
  values: valuesOf(scope),
});

export const IN_TRANSIT_ITEM_COLUMNS: readonly Column[] = [
  text('provider'),
  text('account'),
  text('item'),
  text('state'),
  text('awaits'),
  text('reference'),
  text('component'),
  text('currency'),
  amount('amount', { total: true }),
  time('opened_at'),
  day('expected_by'),
];

export const inTransitItems = (scope: Scope) => ({
  text: `${BASE}
    select provider, account, item, state, awaits, reference, nullif(component, '') as component, currency, amount, opened_at,
      expected_by::text as expected_by
    from item order by provider, account, item, reference, component, currency`,
  values: valuesOf(scope),
});
