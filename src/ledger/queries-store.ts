import { uuidTextArray } from '../postgres/binary-arrays.ts';
import type { Sql } from '../postgres/sql.ts';
import type { AccountType } from './chart.ts';
import type { Overdraft } from './overdraft-store.ts';
import type { Source } from './source.ts';

/** Reading the books. Lists are bounded by `limit`. */
export type Account = {
  readonly id: number;
  readonly path: string;
  readonly type: AccountType;
  readonly openItem: boolean;
  /** Takes postings. */
  readonly open: boolean;
  /** Whether a service may take it below zero. */
  readonly overdraft: Overdraft;
  readonly currencies: readonly string[];
};

/** Debit positive, credit negative. */
export type Posting = {
  readonly line: number;
  readonly account: string;
  readonly currency: string;
  readonly amount: bigint;
  readonly reference: string | null;
  readonly component: string | null;
};

export type Transaction = {
  readonly id: string;
  readonly effectKey: string;
  readonly kind: string;
  readonly effectiveAt: Date;
  readonly recordedAt: Date;
  /** YYYY-MM-DD */
  readonly accountingDate: string;
  readonly reverses: string | null;
  readonly source: Source;
};

/** One line of an account's history, with the transaction it belongs to. */
export type HistoryLine = { readonly transaction: Transaction; readonly posting: Posting };

/** `evidence`: another event had posted it already. */
export type TransactionOfEvent = {
  readonly transaction: Transaction;
  readonly postings: readonly Posting[];
  readonly evidence: boolean;
};

export type OpenItem = {
  readonly account: string;
  readonly reference: string;
  readonly component: string | null;
  readonly currency: string;
  readonly amount: bigint;
  readonly touchedAt: Date;
};

type AccountRow = {
  id: number;
  path: string;
  type: AccountType;
  open_item: boolean;
  open: boolean;
  overdraft: Overdraft;
  currencies: string[];
};

const ACCOUNT_COLUMNS = `a.id, a.path, a.type, a.open_item, a.closed_at is null as open, a.overdraft,
  array(select b.currency from postern.balances b where b.account_id = a.id order by 1) as currencies`;

/** Accounts in the order of their paths, after the path `after`, of those that begin with `prefix`. */
export async function listAccounts(
  sql: Sql,
  { prefix = '', after, limit }: { prefix?: string; after: string | null; limit: number },
): Promise<Account[]> {
  const result = await sql.query<AccountRow>(
    `select ${ACCOUNT_COLUMNS} from postern.accounts a
     where starts_with(a.path, $1) and ($2::text is null or a.path > $2) order by a.path limit $3`,
    [prefix, after, limit],
  );
  return result.rows.map(accountOf);
}

export async function findAccount(sql: Sql, path: string): Promise<Account | null> {
  const result = await sql.query<AccountRow>(`select ${ACCOUNT_COLUMNS} from postern.accounts a where a.path = $1`, [
    path,
  ]);
  return result.rows.map(accountOf)[0] ?? null;
}

/** What moved on an account, newest record first, before the line `before` (the last one of the page before). */
export async function historyOf(
  sql: Sql,
  accountId: number,
  { before, limit }: { before: { transactionId: string; line: number } | null; limit: number },
): Promise<HistoryLine[]> {
  const result = await sql.query<TransactionRow & PostingRow>(
    `select ${TRANSACTION_COLUMNS}, ${POSTING_COLUMNS}
     from postern.postings p
     join postern.transactions t on t.id = p.transaction_id
     join postern.accounts a on a.id = p.account_id
     where p.account_id = $1
       and ($2::uuid is null or p.transaction_id <= $2 and (p.transaction_id, p.line) < ($2, $3::int2))
     order by p.transaction_id desc, p.line desc limit $4`,
    [accountId, before?.transactionId ?? null, before?.line ?? null, limit],
  );
  return result.rows.map((row) => ({ transaction: transactionOf(row), posting: postingOf(row) }));
}

const TRANSACTIONS_OF_EVENT_MAX = 200;

/** What an event posted, and what it told that stood already, oldest first. */
export async function transactionsOfEvent(sql: Sql, eventId: string): Promise<TransactionOfEvent[]> {
  const result = await sql.query<TransactionRow & { evidence: boolean }>(
    `select ${TRANSACTION_COLUMNS}, o.evidence from (
       select t.id, false as evidence from postern.transactions t where t.source_event = $1
       union all
       select e.transaction_id, true from postern.transaction_evidence e where e.event_id = $1
     ) as o join postern.transactions t on t.id = o.id
     order by t.id limit ${TRANSACTIONS_OF_EVENT_MAX}`,
    [eventId],
  );
  const postings = await postingsOf(
    sql,
    result.rows.map((row) => row.id),
  );
  return result.rows.map((row) => ({
    transaction: transactionOf(row),
    postings: postings.get(row.id) ?? [],
    evidence: row.evidence,
  }));
}

export async function findTransaction(
  sql: Sql,
  id: string,
): Promise<{ transaction: Transaction; postings: readonly Posting[] } | null> {
  const result = await sql.query<TransactionRow>(
    `select ${TRANSACTION_COLUMNS} from postern.transactions t where t.id = $1`,
    [id],
  );
  const row = result.rows[0];
  if (row === undefined) return null;
  return { transaction: transactionOf(row), postings: (await postingsOf(sql, [id])).get(id) ?? [] };
}

/** In no order; what is not there is left out. */
export async function findTransactions(sql: Sql, ids: readonly string[]): Promise<Transaction[]> {
  const result = await sql.query<TransactionRow>(
    `select ${TRANSACTION_COLUMNS} from postern.transactions t where t.id = any ($1::uuid[])`,
    [uuidTextArray(ids)],
  );
  return result.rows.map(transactionOf);
}

/** Lines of transactions by transaction, in their order. */
export async function postingsOf(sql: Sql, transactionIds: readonly string[]): Promise<Map<string, Posting[]>> {
  const found = new Map<string, Posting[]>();
  if (transactionIds.length === 0) return found;
  const result = await sql.query<PostingRow & { transaction_id: string }>(
    `select p.transaction_id, ${POSTING_COLUMNS} from postern.postings p join postern.accounts a on a.id = p.account_id
     where p.transaction_id = any ($1::uuid[]) order by p.transaction_id, p.line`,
    [uuidTextArray(transactionIds)],
  );
  for (const row of result.rows) {
    const mine = found.get(row.transaction_id);
    if (mine === undefined) found.set(row.transaction_id, [postingOf(row)]);
    else mine.push(postingOf(row));
  }
  return found;
}

/** Where a list of open items goes on: the last item of the page before. */
export type OpenItemKey = {
  readonly account: string;
  readonly reference: string;
  readonly component: string | null;
  readonly currency: string;
};

/** Items that do not net to zero, of one account or one reference where they are given. */
export async function listOpenItems(
  sql: Sql,
  wanted: { account?: string; reference?: string; after: OpenItemKey | null; limit: number },
): Promise<OpenItem[]> {
  const { after } = wanted;
  const result = await sql.query<{
    path: string;
    reference: string;
    component: string | null;
    currency: string;
    amount: bigint;
    touched_at: Date;
  }>(
    `select a.path, o.reference, nullif(o.component, '') as component, o.currency, o.amount, o.touched_at
     from postern.open_items o join postern.accounts a on a.id = o.account_id
     where o.amount <> 0 and ($1::text is null or a.path = $1) and ($2::text is null or o.reference = $2)
       and ($3::text is null or (a.path, o.reference, o.component, o.currency) > ($3, $4, $5, $6))
     order by a.path, o.reference, o.component, o.currency limit $7`,
    [
      wanted.account ?? null,
      wanted.reference ?? null,
      after?.account ?? null,
      after?.reference ?? null,
      after?.component ?? '',
      after?.currency ?? null,
      wanted.limit,
    ],
  );
  return result.rows.map((row) => ({
    account: row.path,
    reference: row.reference,
    component: row.component,
    currency: row.currency,
    amount: row.amount,
    touchedAt: row.touched_at,
  }));
}

type TransactionRow = {
  id: string;
  effect_key: string;
  kind: string;
  effective_at: Date;
  recorded_at: Date;
  accounting_date: string;
  reverses: string | null;
  source_event: string | null;
  source_line: string | null;
  source_request: string | null;
  cause: string | null;
};

const TRANSACTION_COLUMNS = `t.id, t.effect_key, t.kind, t.effective_at, t.recorded_at, t.accounting_date::text, t.reverses,
  t.source_event, t.source_line, t.source_request, t.cause`;

function transactionOf(row: TransactionRow): Transaction {
  return {
    id: row.id,
    effectKey: row.effect_key,
    kind: row.kind,
    effectiveAt: row.effective_at,
    recordedAt: row.recorded_at,
    accountingDate: row.accounting_date,
    reverses: row.reverses,
    source: { event: row.source_event, line: row.source_line, request: row.source_request, cause: row.cause },
  };
}

type PostingRow = {
  line: number;
  path: string;
  currency: string;
  amount: bigint;
  reference: string | null;
  component: string | null;
};

const POSTING_COLUMNS = 'p.line, a.path, p.currency, p.amount, p.reference, p.component';

function postingOf(row: PostingRow): Posting {
  return {
    line: row.line,
    account: row.path,
    currency: row.currency,
    amount: row.amount,
    reference: row.reference,
    component: row.component,
  };
}

function accountOf(row: AccountRow): Account {
  return {
    id: row.id,
    path: row.path,
    type: row.type,
    openItem: row.open_item,
    open: row.open,
    overdraft: row.overdraft,
    currencies: row.currencies,
  };
}
