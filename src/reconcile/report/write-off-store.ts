import type { Scope } from './scope.ts';
import { amount, type Column, day, text } from './table.ts';

export const WRITE_OFF_COLUMNS: readonly Column[] = [
  text('provider'),
  text('account'),
  text('item'),
  text('reference'),
  text('component'),
  text('currency'),
  amount('amount', { total: true }),
  day('day'),
  text('cause'),
  text('transaction'),
];

/**
 * What was given up in the period. Found by its counterpart, an account that nothing else posts to: those of the items have a
 * million lines for each.
 */
export const writeOffs = ({ books, days, filter }: Scope) => ({
  text: `select b.provider, b.account, split_part(a.path, ':', 2) as item, p.reference, p.component, p.currency, (-p.amount)::text as amount,
      t.accounting_date::text as day, t.cause, t.id::text as transaction
    from postern.accounts d
    join postern.postings w on w.account_id = d.id
    join postern.transactions t on t.id = w.transaction_id and t.kind = 'write_off' and t.accounting_date between $4 and $5
    join postern.postings p on p.transaction_id = t.id and p.account_id <> d.id
    join unnest($1::int4[], $2::text[], $3::text[]) as b (id, provider, account) on b.id = p.account_id
    join postern.accounts a on a.id = p.account_id
    where d.path = 'expense:reconciliation_differences' and ($6::text is null or p.currency = $6)
    order by 1, 2, t.accounting_date, t.id, p.line`,
  values: [
    books.map(({ id }) => id),
    books.map(({ provider }) => provider),
    books.map(({ account }) => account),
    days.from,
    days.to,
    filter.currency,
  ],
});
