import type { Sql } from '../../postgres/sql.ts';
import type { CheckName, Fault } from './report.ts';

/* What `ledger verify` asks: ranges of a bounded size each, so that neither side's memory grows with the books. */

/** The id that ends a range of `size` rows after `after`; null: fewer are left. */
export async function boundaryAfter(
  sql: Sql,
  table: 'transactions' | 'events',
  after: string,
  size: number,
): Promise<string | null> {
  const { rows } = await sql.query<{ id: string }>(
    `select id from postern.${table} where id > $1 order by id offset $2 limit 1`,
    [after, size - 1],
  );
  return rows[0]?.id ?? null;
}

/** Ids above `after`, up to and including `to`; null: without end. */
export type IdRange = { readonly after: string; readonly to: string | null };

const within = (column: string): string => `${column} > $1 and ($2::uuid is null or ${column} <= $2)`;

export type SeenTransactions = {
  readonly transactions: number;
  readonly postings: number;
  readonly unsealed: number;
  readonly bad: { readonly check: CheckName; readonly fault: Fault } | null;
};

/** Each transaction with its lines, its seal and its event. */
export async function seeTransactions(sql: Sql, { after, to }: IdRange): Promise<SeenTransactions> {
  const { rows } = await sql.query<{
    transactions: number;
    postings: number;
    unsealed: number;
    check: CheckName | null;
    id: string | null;
  }>(
    `with lines as (
       select p.transaction_id, count(*) as count, sum(p.amount) as off, bool_and(a.id is not null) as known,
         min(p.currency collate "C") = max(p.currency collate "C") as in_one,
         string_agg(postern.line_bytes(p.line, a.path, p.currency, p.amount, p.reference, p.component), ''::bytea order by p.line) as bytes
       from postern.postings p left join postern.accounts a on a.id = p.account_id
       where ${within('p.transaction_id')} group by p.transaction_id
     ), seen as materialized (
       select coalesce(t.id, l.transaction_id) as id, l.count, s.seq, case
         when t.id is null or not l.known then 'no_orphans'
         when l.off <> 0 or not l.in_one and exists (
           select from postern.postings p where p.transaction_id = t.id group by p.currency having sum(p.amount) <> 0) then 'balanced'
         when s.seq is null then case when (t.xact, t.id) <= (o.xact, o.id) then 'sealed' end
         when s.leaf_hash <> postern.leaf_hash(t.id, t.effect_key, t.content, t.kind, t.effective_at, t.recorded_at, t.accounting_date,
           t.rule_version, t.reverses, t.source_event, s.source_sha256, t.source_line, t.source_request, t.cause, l.bytes) then 'sealed'
         when t.source_event is null then null
         when e.id is null or e.body_sha256 <> s.source_sha256 or l.count > 0 and e.status <> 'posted' then 'events'
       end as wrong
       from (select * from postern.transactions t where ${within('t.id')}) as t
       full join lines l on l.transaction_id = t.id
       left join (select * from postern.seal s where ${within('s.transaction_id')}) as s on s.transaction_id = t.id
       -- The limit keeps it a lookup by key: planned as a join it reads all events for every range.
       left join lateral (select e.* from postern.events e where e.id = t.source_event limit 1) as e on true
       cross join postern.sealing o
     )
     select count(*)::int4 as transactions, coalesce(sum(count), 0)::int4 as postings,
       count(*) filter (where seq is null)::int4 as unsealed,
       (array_agg(wrong order by id) filter (where wrong is not null))[1] as check,
       (array_agg(id order by id) filter (where wrong is not null))[1] as id
     from seen`,
    [after, to],
  );
  const row = rows[0];
  const { transactions = 0, postings = 0, unsealed = 0, check = null, id = null } = row ?? {};
  const bad = check === null ? null : { check, fault: { row: `transaction ${id}`, found: FOUND[check] ?? '' } };
  return { transactions, postings, unsealed, bad };
}

const FOUND: Partial<Record<CheckName, string>> = {
  no_orphans: 'a line without its transaction, or on an account that is not there',
  balanced: 'its debits and credits differ',
  sealed: 'it is not what was sealed: it was changed, or is missing in the log though later ones are there',
  events: 'its event is not there, is not posted, or has other bytes than when this was sealed',
};

/**
 * Sums over lines, each multiplied by a hash of what it belongs to: two tables with the same figures under the same keys have
 * the same sum, and any difference shows, without either being sorted or held. The seed is new each time, so that nobody can
 * make figures that cancel out.
 */
export type Sums = { readonly balances: bigint; readonly days: bigint; readonly items: bigint };

const BALANCE_HASH = `hashtextextended(account_id || ' ' || currency, $1)`;
const DAY_HASH = `hashtextextended(account_id || ' ' || currency || effective_day || recorded_day || accounting_date, $1)`;
/** Credits are told apart from debits by a factor, not by a sign: one that turned into the other must not cancel out. */
const SIDES = '(debits + credits * 3)';
const ITEM_PRIME = 2_147_483_647;
/** In whole numbers below 2^62: exact decimals would cost three times as much for each line. */
const itemTerm = (amount: string): string =>
  `(${amount} % ${ITEM_PRIME}) * (hashtextextended(account_id || ' ' || reference || ' ' || component || ' ' || currency, $1) % ${ITEM_PRIME}) % ${ITEM_PRIME}`;

const grouped = (lines: string): string => `
  select account_id, currency, effective_day, recorded_day, accounting_date,
    coalesce(sum(amount) filter (where amount > 0), 0) as debits, coalesce(-sum(amount) filter (where amount < 0), 0) as credits,
    coalesce(sum(${itemTerm('amount')}) filter (where reference is not null), 0) as items
  from (${lines}) as l group by 1, 2, 3, 4, 5`;

const LINE = `p.account_id, p.currency, p.amount, p.reference, coalesce(p.component, '') as component,
  (t.effective_at at time zone 'utc')::date as effective_day, (t.recorded_at at time zone 'utc')::date as recorded_day, t.accounting_date`;

const SUMMED = `coalesce(sum(${SIDES} * ${BALANCE_HASH}), 0)::text as balances,
  coalesce(sum(${SIDES} * ${DAY_HASH}), 0)::text as days, coalesce(sum(items), 0)::text as items`;

type SumsRow = { balances: string; days: string; items: string };

const sumsOf = (row: SumsRow | undefined): Sums => ({
  balances: BigInt(row?.balances ?? 0),
  days: BigInt(row?.days ?? 0),
  items: residue(BigInt(row?.items ?? 0)),
});

/** Two sums of items are the same when their residues are. */
export const residue = (sum: bigint): bigint => ((sum % BigInt(ITEM_PRIME)) + BigInt(ITEM_PRIME)) % BigInt(ITEM_PRIME);

export async function sumLines(sql: Sql, seed: bigint, { after, to }: IdRange): Promise<Sums> {
  const lines = `select ${LINE} from postern.postings p join postern.transactions t on t.id = p.transaction_id
    where p.transaction_id > $2 and ($3::uuid is null or p.transaction_id <= $3)
      and t.id > $2 and ($3::uuid is null or t.id <= $3)`;
  const { rows } = await sql.query<SumsRow>(`select ${SUMMED} from (${grouped(lines)}) as g`, [seed, after, to]);
  return sumsOf(rows[0]);
}

/** The lines that no day has yet, because their transactions are not sealed. */
export async function sumUnsealedLines(sql: Sql, seed: bigint): Promise<Sums> {
  const lines = `select ${LINE} from postern.sealing o
    join postern.transactions t on (t.xact, t.id) > (o.xact, o.id) and t.xact < pg_snapshot_xmax(pg_current_snapshot())
    join postern.postings p on p.transaction_id = t.id
    where not exists (select from postern.seal s where s.transaction_id = t.id)`;
  const { rows } = await sql.query<SumsRow>(`select ${SUMMED} from (${grouped(lines)}) as g`, [seed]);
  return sumsOf(rows[0]);
}

/** The same sums of what is kept. */
export async function sumKept(sql: Sql, seed: bigint): Promise<Sums & { readonly rows: Record<keyof Sums, number> }> {
  const { rows } = await sql.query<SumsRow & { balance_rows: number; day_rows: number; item_rows: number }>(
    `select
       (select coalesce(sum(${SIDES} * ${BALANCE_HASH}), 0)::text from postern.balances) as balances,
       (select coalesce(sum(${SIDES} * ${DAY_HASH}), 0)::text from postern.balance_days) as days,
       (select coalesce(sum(${itemTerm('amount')}), 0)::text from postern.open_items) as items,
       (select count(*)::int4 from postern.balances) as balance_rows,
       (select count(*)::int4 from postern.balance_days) as day_rows,
       (select count(*)::int4 from postern.open_items) as item_rows`,
    [seed],
  );
  const row = rows[0];
  return {
    ...sumsOf(row),
    rows: { balances: row?.balance_rows ?? 0, days: row?.day_rows ?? 0, items: row?.item_rows ?? 0 },
  };
}

/** The first account whose open items do not make up its balance. */
export async function firstUneven(sql: Sql): Promise<Fault | null> {
  const { rows } = await sql.query<{ path: string; currency: string; open: string; balance: string }>(
    `select a.path, currency, coalesce(i.amount, 0)::text as open, coalesce(b.debits - b.credits, 0)::text as balance
     from (select account_id, currency, sum(amount) as amount from postern.open_items group by 1, 2) as i
     full join (select b.* from postern.balances b join postern.accounts a on a.id = b.account_id and a.open_item) as b
       using (account_id, currency)
     join postern.accounts a on a.id = account_id
     where coalesce(i.amount, 0) <> coalesce(b.debits - b.credits, 0) order by a.path, currency limit 1`,
  );
  const row = rows[0];
  if (row === undefined) return null;
  return {
    row: `account ${row.path} in ${row.currency}`,
    found: `its open items are ${row.open}, its balance is ${row.balance}`,
  };
}

/** Posted events of a range without any transaction, their own or another's that they are evidence of. */
export async function seeEvents(sql: Sql, { after, to }: IdRange): Promise<{ events: number; bad: Fault | null }> {
  const { rows } = await sql.query<{ events: number; id: string | null }>(
    `select count(*)::int4 as events, (array_agg(id order by id) filter (where alone))[1] as id from (
       select e.id, e.status = 'posted' and not exists (select from postern.transactions t where t.source_event = e.id)
         and not exists (select from postern.transaction_evidence x where x.event_id = e.id) as alone
       from postern.events e where ${within('e.id')}
     ) as seen`,
    [after, to],
  );
  const row = rows[0];
  const bad =
    row === undefined || row.id === null
      ? null
      : { row: `event ${row.id}`, found: 'it is posted and has no transaction' };
  return { events: row?.events ?? 0, bad };
}

/** A page of effect keys in their order, from `from`; `last` is where the next begins. */
export async function seeKeys(
  sql: Sql,
  from: string,
  limit: number,
): Promise<{ keys: number; last: string | null; twice: string | null }> {
  const { rows } = await sql.query<{ keys: number; last: string | null; twice: string | null }>(
    `select count(*)::int4 as keys, max(effect_key) as last, min(effect_key) filter (where effect_key = before) as twice from (
       select effect_key, lag(effect_key) over (order by effect_key) as before
       from (select effect_key from postern.transactions where effect_key >= $1 order by effect_key limit $2) as page
     ) as seen`,
    [from, limit],
  );
  return rows[0] ?? { keys: 0, last: null, twice: null };
}

/** Leaf hashes one after the other, and how many; fewer than asked for where there is a gap. */
export async function seeLeaves(sql: Sql, from: number, to: number): Promise<{ count: number; hashes: Buffer }> {
  const { rows } = await sql.query<{ count: number; hashes: Buffer | null }>(
    `select count(*)::int4 as count, string_agg(leaf_hash, ''::bytea order by seq) as hashes
     from postern.seal where seq >= $1 and seq < $2`,
    [from, to],
  );
  return { count: rows[0]?.count ?? 0, hashes: rows[0]?.hashes ?? Buffer.alloc(0) };
}

/** A seal whose transaction is gone. */
export async function firstEmptySeal(sql: Sql): Promise<Fault | null> {
  const { rows } = await sql.query<{ seq: bigint; transaction_id: string }>(
    `select s.seq, s.transaction_id from postern.seal s
     where not exists (select from postern.transactions t where t.id = s.transaction_id) order by s.seq limit 1`,
  );
  const row = rows[0];
  if (row === undefined) return null;
  return { row: `transaction ${row.transaction_id}`, found: `it was sealed as number ${row.seq} and is gone` };
}

/** The first balance that is not that of its lines. Reads all: only where something is known to be wrong. */
export async function firstWrongBalance(sql: Sql): Promise<Fault | null> {
  const { rows } = await sql.query<{ path: string; currency: string; kept: string; made: string }>(
    `select a.path, currency, concat_ws(' − ', b.debits, b.credits) as kept, concat_ws(' − ', p.debits, p.credits) as made
     from (select account_id, currency, coalesce(sum(amount) filter (where amount > 0), 0) as debits,
         coalesce(-sum(amount) filter (where amount < 0), 0) as credits from postern.postings group by 1, 2) as p
     full join postern.balances b using (account_id, currency)
     left join postern.accounts a on a.id = account_id
     where (p.debits, p.credits) is distinct from (b.debits, b.credits) order by a.path, currency limit 1`,
  );
  const row = rows[0];
  if (row === undefined) return null;
  return {
    row: `account ${row.path} in ${row.currency}`,
    found: `kept is ${row.kept || 'nothing'}, its lines are ${row.made || 'none'}`,
  };
}

export async function firstWrongDay(sql: Sql): Promise<Fault | null> {
  const { rows } = await sql.query<{ path: string; currency: string; day: string; kept: string; made: string }>(
    `select a.path, currency, effective_day::text as day, concat_ws(' − ', d.debits, d.credits) as kept,
       concat_ws(' − ', p.debits, p.credits) as made
     from (select account_id, currency, effective_day, recorded_day, accounting_date,
         coalesce(sum(amount) filter (where amount > 0), 0) as debits, coalesce(-sum(amount) filter (where amount < 0), 0) as credits
       from (select ${LINE} from postern.seal s join postern.transactions t on t.id = s.transaction_id
         join postern.postings p on p.transaction_id = t.id) as l group by 1, 2, 3, 4, 5) as p
     full join postern.balance_days d using (account_id, currency, effective_day, recorded_day, accounting_date)
     left join postern.accounts a on a.id = account_id
     where (p.debits, p.credits) is distinct from (d.debits, d.credits) order by a.path, currency, effective_day limit 1`,
  );
  const row = rows[0];
  if (row === undefined) return null;
  return {
    row: `account ${row.path} in ${row.currency} on ${row.day}`,
    found: `kept is ${row.kept || 'nothing'}, its lines are ${row.made || 'none'}; "postern ledger rebuild" makes the sums by day anew`,
  };
}

export async function firstWrongItem(sql: Sql): Promise<Fault | null> {
  const { rows } = await sql.query<{
    path: string;
    reference: string;
    component: string;
    currency: string;
    kept: string;
    made: string;
  }>(
    `select a.path, reference, component, currency, coalesce(o.amount, 0)::text as kept, coalesce(p.amount, 0)::text as made
     from (select account_id, reference, coalesce(component, '') as component, currency, sum(amount) as amount
       from postern.postings where reference is not null group by 1, 2, 3, 4) as p
     full join postern.open_items o using (account_id, reference, component, currency)
     left join postern.accounts a on a.id = account_id
     where coalesce(p.amount, 0) <> coalesce(o.amount, 0) order by a.path, reference, component, currency limit 1`,
  );
  const row = rows[0];
  if (row === undefined) return null;
  const item = `${row.reference}${row.component === '' ? '' : ` ${row.component}`}`;
  return {
    row: `open item ${item} of ${row.path} in ${row.currency}`,
    found: `kept is ${row.kept}, its lines are ${row.made}`,
  };
}
