import type { Sql } from '../postgres/sql.ts';
import { UNSEALED } from './log-store.ts';

/** What balances are, now and then. Every one is debits − credits, so that a liability shows negative. */
export type Balance = {
  readonly currency: string;
  readonly debits: bigint;
  readonly credits: bigint;
  readonly balance: bigint;
};

const DEBITS = 'coalesce(sum(p.amount) filter (where p.amount > 0), 0) as debits';
const CREDITS = 'coalesce(-sum(p.amount) filter (where p.amount < 0), 0) as credits';

const day = (time: string): string => `((${time})::timestamptz at time zone 'utc')::date`;

/**
 * An account's balances by currency: now, or as of `at` (what had happened by then) as far as it was known at `knownAt`.
 * Now is kept. Then is the sum of whole days, the lines of the two days that `at` and `knownAt` cut through, and what is not
 * sealed yet: so it costs as much for an account's first day as for its last.
 */
export async function balancesOf(
  sql: Sql,
  accountId: number,
  { at, knownAt }: { at: Date | null; knownAt: Date | null },
): Promise<Balance[]> {
  const result =
    at === null && knownAt === null
      ? await sql.query<SumRow>(
          'select b.currency, b.debits::text, b.credits::text from postern.balances b where b.account_id = $1 order by 1',
          [accountId],
        )
      : await sql.query<SumRow>(
          `with days as materialized (
             select d.*, ($2::timestamptz is null or d.effective_day < ${day(`$2::timestamptz + interval '1 millisecond'`)})
               and ($3::timestamptz is null or d.recorded_day < ${day('$3')}) as whole
             from postern.balance_days d
             where d.account_id = $1 and ($2::timestamptz is null or d.effective_day <= ${day('$2')})
               and ($3::timestamptz is null or d.recorded_day <= ${day('$3')})
           )
           select currency, sum(debits)::text as debits, sum(credits)::text as credits from (
             select currency, debits, credits from days where whole
             union all
             select d.currency, c.debits, c.credits from days d
             cross join lateral (
               select ${DEBITS}, ${CREDITS} from postern.postings p
               join postern.transactions t on t.id = p.transaction_id
               where p.account_id = $1 and p.transaction_id between d.first_id and d.last_id and p.currency = d.currency
                 and ${day('t.effective_at')} = d.effective_day and ${day('t.recorded_at')} = d.recorded_day
                 and t.accounting_date = d.accounting_date
                 and ($2::timestamptz is null or t.effective_at <= $2) and ($3::timestamptz is null or t.recorded_at <= $3)
                 -- Sealed: up to the log's end all are, and its number says so without a look for its seal.
                 and ((t.xact, t.id) <= (select o.xact, o.id from postern.sealing o limit 1)
                   or exists (select from postern.seal s where s.transaction_id = t.id))
             ) as c
             where not d.whole
             union all
             select p.currency, ${DEBITS}, ${CREDITS} from ${UNSEALED}
             join postern.postings p on p.transaction_id = t.id and p.account_id = $1
             where ($2::timestamptz is null or t.effective_at <= $2) and ($3::timestamptz is null or t.recorded_at <= $3)
             group by 1
           ) as parts
           group by 1 having sum(debits) <> 0 or sum(credits) <> 0 order by 1`,
          [accountId, at, knownAt],
        );
  return result.rows.map(sumOf);
}

/**
 * Every account and currency. With `at` by accounting date up to and including that day in UTC, so that a closed period
 * never changes.
 */
export async function trialBalance(
  sql: Sql,
  { at }: { at: Date | null },
): Promise<(Balance & { readonly account: string })[]> {
  const result =
    at === null
      ? await sql.query<SumRow & { path: string }>(
          `select a.path, b.currency, b.debits::text, b.credits::text
           from postern.balances b join postern.accounts a on a.id = b.account_id order by a.path, b.currency`,
        )
      : await sql.query<SumRow & { path: string }>(
          `select a.path, s.currency, s.debits::text, s.credits::text from (
             select account_id, currency, sum(debits) as debits, sum(credits) as credits from (
               select d.account_id, d.currency, d.debits, d.credits from postern.balance_days d
               where d.accounting_date <= ${day('$1')}
               union all
               select p.account_id, p.currency, ${DEBITS}, ${CREDITS} from ${UNSEALED}
               join postern.postings p on p.transaction_id = t.id
               where t.accounting_date <= ${day('$1')} group by 1, 2
             ) as parts group by 1, 2
           ) as s join postern.accounts a on a.id = s.account_id order by a.path, s.currency`,
          [at],
        );
  return result.rows.map((row) => ({ account: row.path, ...sumOf(row) }));
}

type SumRow = { currency: string; debits: string; credits: string };

function sumOf(row: SumRow): Balance {
  const debits = BigInt(row.debits);
  const credits = BigInt(row.credits);
  return { currency: row.currency, debits, credits, balance: debits - credits };
}
