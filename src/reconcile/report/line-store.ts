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
];

/** What was charged, by method of payment: what a contract is held against. */
export const fees = (scope: Scope) => ({
  text: `select l.provider, l.account, l.payment_method, l.kind, l.currency, count(*)::int4 as lines, sum(l.gross)::text as gross,
      sum(l.fee)::text as fee, sum(l.tax)::text as tax, (100 * sum(l.fee) / nullif(sum(l.gross), 0))::numeric(20, 4)::text as percent
    from (select l.* from ${LINES_OF_PERIOD}) as l where (l.fee <> 0 or l.tax <> 0) and ${USED}
    group by 1, 2, 3, 4, 5 order by 1, 2, 5, 3 nulls first, 4`,
  values: valuesOf(scope),
});

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

/** What was paid in one currency and settled in another, or left in another for the bank. */
export const exchanges = (scope: Scope) => ({
  text: `select l.provider, l.account, l.kind, l.other_currency, l.currency, count(*)::int4 as lines, sum(l.other_amount)::text as other_amount,
      sum(l.gross)::text as gross, min(l.fx_rate collate "C") as lowest_rate, max(l.fx_rate collate "C") as highest_rate
    from (select l.* from ${LINES_OF_PERIOD}) as l where l.other_currency is not null and ${USED}
    group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5`,
  values: valuesOf(scope),
});
