import type { Sql, Tx } from '../../postgres/sql.ts';
import type { BankOwner } from '../bank/owner.ts';
import type { BankEntry, BankFault } from '../bank-format.ts';

export type BankStatementRow = {
  readonly id: string;
  readonly format: string;
  readonly status: 'importing' | 'imported' | 'failed';
  readonly file_name: string | null;
  readonly sha256: Buffer | null;
  readonly bytes: bigint;
  readonly statements: number;
  readonly entries: bigint;
  readonly entries_new: bigint;
  readonly fault_count: number;
  readonly faults: readonly BankFault[];
  readonly totals: readonly StatementTotal[];
  readonly actor: string;
  readonly created_at: Date;
  readonly finished_at: Date | null;
};

/** One statement of a file, as it is kept with it. Amounts are minor units as text, times ISO 8601. */
export type StatementTotal = {
  readonly account: string;
  readonly statement: string;
  readonly number: { readonly year: number | null; readonly value: number } | null;
  readonly currency: string;
  readonly opening: string | null;
  readonly closing: string | null;
  readonly sum: string;
  readonly entries: number;
  readonly from: string | null;
  readonly to: string | null;
  readonly copy: boolean;
};

const COLUMNS =
  'id, format, status, file_name, sha256, bytes, statements, entries, entries_new, fault_count, faults, totals, actor, created_at, finished_at';

export async function findBankStatement(sql: Sql, id: string): Promise<BankStatementRow | null> {
  const { rows } = await sql.query<BankStatementRow>(`select ${COLUMNS} from postern.bank_statements where id = $1`, [
    id,
  ]);
  return rows[0] ?? null;
}

export async function selectBankStatements(
  sql: Sql,
  page: { readonly before: string | null; readonly limit: number },
): Promise<BankStatementRow[]> {
  const { rows } = await sql.query<BankStatementRow>(
    `select ${COLUMNS} from postern.bank_statements where $1::uuid is null or id < $1::uuid order by id desc limit $2`,
    [page.before, page.limit],
  );
  return rows;
}

/** One bank file at a time becomes final: two with the same entries would else both be their first. */
export async function lockBankImports(tx: Tx): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('postern.bank_statements', 0))`);
}

export async function findBankFile(sql: Sql, sha256: Buffer): Promise<string | null> {
  const { rows } = await sql.query<{ id: string }>(
    `select id from postern.bank_statements where sha256 = $1 and status = 'imported'`,
    [sha256],
  );
  return rows[0]?.id ?? null;
}

export async function insertBankStatement(
  tx: Tx,
  s: Omit<BankStatementRow, 'created_at' | 'finished_at' | 'bytes' | 'entries' | 'entries_new'> & {
    readonly bytes: number;
    readonly entries: number;
    readonly entries_new: number;
  },
): Promise<void> {
  await tx.query(
    `insert into postern.bank_statements (id, format, status, file_name, sha256, bytes, statements, entries, entries_new, fault_count,
       faults, totals, actor, finished_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, now())`,
    [
      s.id,
      s.format,
      s.status,
      s.file_name,
      s.sha256,
      s.bytes,
      s.statements,
      s.entries,
      s.entries_new,
      s.fault_count,
      JSON.stringify(s.faults),
      JSON.stringify(s.totals),
      s.actor,
    ],
  );
}

export async function noteNewEntries(tx: Tx, id: string, count: number): Promise<void> {
  await tx.query('update postern.bank_statements set entries_new = $2 where id = $1', [id, count]);
}

/** An entry on its way in; `owner`: whose it is, where a pattern says so. */
export type EntryToKeep = {
  readonly id: string;
  readonly entry: BankEntry;
  readonly zone: string;
  readonly owner: { readonly provider: string; readonly account: string } | null;
};

/**
 * Keeps entries that are not there yet; returns the ids of those that it kept. Of one that several statements of a file tell it is
 * the first.
 */
export async function keepEntries(tx: Tx, statement: string, entries: readonly EntryToKeep[]): Promise<Set<string>> {
  const text = (value: string | null): string | null => value?.toWellFormed().replaceAll('\u0000', '\ufffd') ?? null;
  const of = <T>(pick: (one: EntryToKeep) => T): T[] => entries.map(pick);
  const at = (n: number): string => `to_timestamp(e.${n === 0 ? 'booked' : 'valued'} / 1000.0)`;
  const { rows } = await tx.query<{ id: string }>(
    `insert into postern.bank_lines (id, bank_statement_id, row_no, bank_account, statement, identity, amount, currency, booked_at,
       value_at, zone, refs, counterparty_name, counterparty_account, text, is_reversal, raw, provider, account, reference)
     select e.id, $1, e.row_no, e.bank_account, e.statement, e.identity, e.amount, e.currency, ${at(0)}, ${at(1)}, e.zone,
       array(select jsonb_array_elements_text(e.refs)), e.name, e.other, e.text, e.reversal, e.raw, e.provider, e.account,
       case when e.provider is null then null else e.identity end
     from unnest($2::uuid[], $3::int8[], $4::text[], $5::text[], $6::text[], $7::int8[], $8::text[], $9::int8[], $10::int8[],
       $11::text[], $12::jsonb[], $13::text[], $14::text[], $15::text[], $16::boolean[], $17::text[], $18::text[], $19::text[])
       as e (id, row_no, bank_account, statement, identity, amount, currency, booked, valued, zone, refs, name, other, text, reversal,
         raw, provider, account)
     order by e.bank_account, e.identity, e.row_no
     on conflict (bank_account, identity) do nothing returning id`,
    [
      statement,
      of(({ id }) => id),
      of(({ entry }) => entry.row),
      of(({ entry }) => text(entry.account)),
      of(({ entry }) => text(entry.statement)),
      of(({ entry }) => text(entry.identity)),
      of(({ entry }) => entry.amount),
      of(({ entry }) => entry.currency),
      of(({ entry }) => entry.at),
      of(({ entry }) => entry.valueAt),
      of(({ zone }) => zone),
      of(({ entry }) => JSON.stringify(entry.references.map(text))),
      of(({ entry }) => text(entry.counterparty.name)),
      of(({ entry }) => text(entry.counterparty.account)),
      of(({ entry }) => text(entry.text)),
      of(({ entry }) => entry.reversal),
      of(({ entry }) => text(entry.raw)),
      of(({ owner }) => owner?.provider ?? null),
      of(({ owner }) => owner?.account ?? null),
    ],
  );
  return new Set(rows.map(({ id }) => id));
}

/** Entries that are kept under the same identity with another amount. */
export async function contradicted(
  tx: Tx,
  entries: readonly BankEntry[],
): Promise<{ n: number; amount: bigint; currency: string }[]> {
  const { rows } = await tx.query<{ n: number; amount: bigint; currency: string }>(
    `select e.n::int4 as n, l.amount, l.currency
     from unnest($1::text[], $2::text[], $3::int8[], $4::text[]) with ordinality as e (account, identity, amount, currency, n)
     join postern.bank_lines l on l.bank_account = e.account and l.identity = e.identity
     where (l.amount, l.currency) is distinct from (e.amount, e.currency) order by e.n`,
    [
      entries.map((e) => e.account),
      entries.map((e) => e.identity),
      entries.map((e) => e.amount),
      entries.map((e) => e.currency),
    ],
  );
  return rows;
}

/** Of the entries that these files brought first, by the bank account as they name it. */
export async function countEntries(
  sql: Sql,
  files: readonly string[],
): Promise<{ file: string; bankAccount: string; posted: number; unposted: number }[]> {
  const { rows } = await sql.query<{ file: string; bankAccount: string; posted: number; unposted: number }>(
    `select l.bank_statement_id as file, l.bank_account as "bankAccount", count(l.provider)::int4 as posted,
       (count(*) - count(l.provider))::int4 as unposted
     from postern.bank_lines l where l.bank_statement_id = any ($1::uuid[]) group by 1, 2`,
    [files],
  );
  return rows;
}

/** Accounts of processors that are paid on a bank account, with what tells their entries: nothing, where nobody said so. */
export async function bankOwners(sql: Sql): Promise<BankOwner[]> {
  const { rows } = await sql.query<BankOwner>(
    `select distinct on (provider, account) provider, account, settings ->> 'bank_account' as "bankAccount",
       coalesce(settings -> 'bank_pattern', '{}') as pattern
     from postern.endpoints where settings ? 'bank_account'
     order by provider, account, (settings ? 'bank_pattern') desc, id limit 10000`,
  );
  return rows;
}
