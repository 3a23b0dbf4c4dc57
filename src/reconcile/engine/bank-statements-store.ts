import { textArray, uuidTextArray } from '../../postgres/binary-arrays.ts';
import type { Sql } from '../../postgres/sql.ts';

type Books = { readonly provider: string; readonly account: string };

/** Accounts of processors that say on which bank account they are paid: of several endpoints the first that does, as everywhere. */
export async function booksWithBank(sql: Sql): Promise<(Books & { readonly bankAccount: string })[]> {
  const { rows } = await sql.query<{ provider: string; account: string; bankAccount: string }>(
    `select distinct on (e.provider, e.account) e.provider, e.account, e.settings ->> 'bank_account' as "bankAccount"
     from postern.endpoints e where e.settings ? 'bank_account' order by e.provider, e.account, e.id limit ${BOOKS_MAX}`,
  );
  return rows;
}

const BOOKS_MAX = 10_000;

export async function bankAccountOf(sql: Sql, { provider, account }: Books): Promise<string | null> {
  const { rows } = await sql.query<{ bank_account: string }>(
    `select e.settings ->> 'bank_account' as bank_account from postern.endpoints e
     where e.provider = $1 and e.account = $2 and e.settings ? 'bank_account' order by e.id limit 1`,
    [provider, account],
  );
  return rows[0]?.bank_account ?? null;
}

/** The accounts that these files have statements of, as they name them. */
export async function accountsInFiles(sql: Sql, files: readonly string[]): Promise<string[]> {
  const { rows } = await sql.query<{ account: string }>(
    `select distinct t.account from postern.bank_statements s
     cross join lateral jsonb_to_recordset(s.totals) as t (account text)
     where s.id = any ($1::uuid[]) and s.status = 'imported'`,
    [uuidTextArray(files)],
  );
  return rows.map(({ account }) => account);
}

/** A statement with both its balances. Amounts are minor units as text, times ISO 8601. */
export type StatementRow = {
  readonly file: string;
  readonly format: string;
  readonly statement: string;
  readonly number: { readonly year: number | null; readonly value: number } | null;
  readonly currency: string;
  readonly opening: string;
  readonly closing: string;
  readonly from: string | null;
  readonly to: string | null;
};

const STATEMENTS_MAX = 20_000;

/** What was imported of a bank account, in any of its spellings: of a longer history the newest files. */
export async function statementsOfAccount(sql: Sql, spellings: readonly string[]): Promise<StatementRow[]> {
  const { rows } = await sql.query<StatementRow>(
    `select s.id as file, s.format, t.statement, t.number, t.currency, t.opening, t.closing, t."from", t."to"
     from postern.bank_statements s
     cross join lateral jsonb_to_recordset(s.totals) as t (account text, statement text, number jsonb, currency text, opening text,
       closing text, "from" text, "to" text)
     where s.status = 'imported' and t.account = any ($1::text[]) and t.opening is not null and t.closing is not null
     order by s.id desc limit ${STATEMENTS_MAX}`,
    [textArray(spellings)],
  );
  return rows;
}
