import type { Sql, Tx } from '../../postgres/sql.ts';
import type { AccountType } from '../chart.ts';
import type { JournalAccount, JournalBalance } from './journal.ts';

/** Days are accounting dates (YYYY-MM-DD), both included. */
export type ExportRange = {
  readonly from: string | null;
  readonly to: string | null;
  readonly accountId: number | null;
};

const ROWS_A_FETCH = 1_000;

/** What all statements of an export see is one state of the books. */
export async function beginExport(sql: Sql): Promise<Tx> {
  await sql.query('begin isolation level repeatable read read only');
  // What is read last counts as much as what is read first.
  await sql.query('set local cursor_tuple_fraction = 1');
  await sql.query(`set local work_mem = '64MB'`);
  return sql as Tx;
}

/** Rows as they are asked for, so that neither Postgres's answer nor the reader's memory grows with their number. */
export async function* streamed<R>(
  tx: Tx,
  cursor: string,
  statement: string,
  values: readonly unknown[],
): AsyncGenerator<R[], void> {
  await tx.query(`declare ${cursor} no scroll cursor for ${statement}`, values);
  for (;;) {
    const { rows } = await tx.query<R>(`fetch ${ROWS_A_FETCH} from ${cursor}`);
    if (rows.length > 0) yield rows;
    if (rows.length < ROWS_A_FETCH) break;
  }
  await tx.query(`close ${cursor}`);
}

/**
 * Keys of transactions in the order of the journal: narrow rows, because they are sorted, and an index that keeps the order
 * would cost every posting.
 */
export function streamKeys(
  tx: Tx,
  { from, to, accountId }: ExportRange,
): AsyncGenerator<{ id: string; day: string }[], void> {
  return streamed(
    tx,
    'export_keys',
    `select t.id, t.accounting_date::text as day from postern.transactions t
     where ($1::date is null or t.accounting_date >= $1) and ($2::date is null or t.accounting_date <= $2)
       and ($3::int is null or t.id in (select p.transaction_id from postern.postings p where p.account_id = $3))
     order by t.accounting_date, t.id`,
    [from, to, accountId],
  );
}

/** The accounts a journal names, by path, with the currencies they have in it. */
export async function* streamAccounts(tx: Tx, range: ExportRange): AsyncGenerator<JournalAccount, void> {
  const { from, to, accountId } = range;
  const [used, values] =
    accountId !== null
      ? [USED_WITH_ACCOUNT, [from, to, accountId]]
      : to === null
        ? ['select b.account_id, b.currency from postern.balances b', []]
        : [USED_UNTIL, [to]];
  type Row = { path: string; type: AccountType; currencies: string[] };
  const rows = streamed<Row>(
    tx,
    'export_accounts',
    `select a.path, a.type, array_agg(u.currency order by u.currency) as currencies
     from (${used}) as u join postern.accounts a on a.id = u.account_id group by a.id order by a.path`,
    values,
  );
  for await (const page of rows) yield* page;
}

const USED_UNTIL = `select distinct p.account_id, p.currency
  from postern.postings p join postern.transactions t on t.id = p.transaction_id where t.accounting_date <= $1::date`;

/** The account itself also where it only has an opening balance. */
const USED_WITH_ACCOUNT = `select distinct p.account_id, p.currency
  from postern.postings p join postern.transactions t on t.id = p.transaction_id
  where p.transaction_id in (select own.transaction_id from postern.postings own where own.account_id = $3)
    and ($2::date is null or t.accounting_date <= $2)
    and (p.account_id = $3 or $1::date is null or t.accounting_date >= $1)`;

/** What each account had before the period. */
export async function* streamOpening(tx: Tx, { from, accountId }: ExportRange): AsyncGenerator<JournalBalance, void> {
  type Row = { path: string; currency: string; amount: string };
  const rows = streamed<Row>(
    tx,
    'export_opening',
    `select a.path, s.currency, s.amount::text from (
       select p.account_id, p.currency, sum(p.amount) as amount
       from postern.postings p join postern.transactions t on t.id = p.transaction_id
       where t.accounting_date < $1::date and ($2::int is null or p.account_id = $2)
       group by 1, 2 having sum(p.amount) <> 0
     ) as s join postern.accounts a on a.id = s.account_id order by a.path, s.currency`,
    [from, accountId],
  );
  for await (const page of rows) {
    for (const { path, currency, amount } of page) {
      yield { path, currency, amount: BigInt(amount), withBelow: BigInt(amount) };
    }
  }
}

/** What each account has at the end: the balances that are kept, where nothing comes after it, else the sums of postings. */
export async function* streamClosing(tx: Tx, { to, accountId }: ExportRange): AsyncGenerator<JournalBalance, void> {
  const sums =
    to === null
      ? 'select b.account_id, b.currency, b.debits - b.credits as amount from postern.balances b where $1::date is null'
      : `select p.account_id, p.currency, sum(p.amount) as amount
         from postern.postings p join postern.transactions t on t.id = p.transaction_id
         where t.accounting_date <= $1::date group by 1, 2`;
  // Of one account only its own is known: of the others the journal has no more than what touches it.
  const mine = accountId === null ? '$2::int is null' : 's.account_id = $2';
  type Row = { path: string; currency: string; amount: string; with_below: string };
  const rows = streamed<Row>(
    tx,
    'export_closing',
    `with s as materialized (${sums})
     select a.path, s.currency, s.amount::text,
       case when exists (select from postern.accounts c where c.path > a.path || ':' and c.path < a.path || ';')
         then (select sum(o.amount) from s as o join postern.accounts c on c.id = o.account_id
           where (c.id = a.id or c.path > a.path || ':' and c.path < a.path || ';') and o.currency = s.currency)
         else s.amount end::text as with_below
     from s join postern.accounts a on a.id = s.account_id where ${mine} order by a.path, s.currency`,
    [to, accountId],
  );
  for await (const page of rows) {
    for (const row of page) {
      yield {
        path: row.path,
        currency: row.currency,
        amount: BigInt(row.amount),
        withBelow: BigInt(row.with_below),
      };
    }
  }
}
