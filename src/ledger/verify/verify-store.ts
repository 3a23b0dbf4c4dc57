import type { Sql } from '../../postgres/sql.ts';
import { CHECKS, type CheckName, type Fault } from './report.ts';
import {
  balanceTerm,
  dayFactor,
  EFFECTIVE_DAY,
  h,
  itemTerm,
  PRIME,
  RECORDED_DAY,
  type Sums,
  type SumsRow,
  sumsOf,
} from './sums-store.ts';

/* What `ledger verify` asks: ranges of a bounded size each, so that neither side's memory grows with the books. */

/** What is looked at range by range, in the order of an index. */
export type Ranged = {
  readonly table: 'transactions' | 'events' | 'requests' | 'audit_log';
  readonly by: 'id' | 'effect_key';
};

/** The value that ends a range of `size` rows after `after` (null: from the first row on); null: fewer are left. */
export async function boundaryAfter(
  sql: Sql,
  { table, by }: Ranged,
  after: string | null,
  size: number,
): Promise<string | null> {
  const { rows } = await sql.query<{ value: string }>(
    `select ${by}::text as value from postern.${table} ${after === null ? '' : `where ${by} > $2`} order by ${by} offset $1 limit 1`,
    after === null ? [size - 1] : [size - 1, after],
  );
  return rows[0]?.value ?? null;
}

/** Values above `after`, up to and including `to`; null: without beginning, or without end: no value is too odd to be looked at. */
export type Range = { readonly after: string | null; readonly to: string | null };

type RangeType = 'uuid' | 'int8' | 'text';

/** That `column` is of the range whose ends are the parameters `after` and `to`; a null end is gone when the statement is planned. */
const inRange = (column: string, type: RangeType, after: string, to: string): string =>
  `(${after}::${type} is null or ${column} > ${after}) and (${to}::${type} is null or ${column} <= ${to})`;

/**
 * What the log has not sealed and never will: it would have been sealed by now, or bears a number that Postgres has not given out
 * yet. Of a row `row` with a number, `o` the end of the log.
 */
const neverSealed = (row: string, end: string): string =>
  `(${row}.xact, ${row}.id) <= ${end} or ${row}.xact >= pg_snapshot_xmax(pg_current_snapshot())`;

/** A seal with a number the log has not come to: a leaf that no head and no proof was ever made of. */
const outsideLog = (seq: string): string => `(${seq} < 0 or ${seq} >= o.size)`;

export type SeenTransactions = {
  readonly transactions: number;
  readonly postings: number;
  readonly unsealed: number;
  readonly sums: Sums;
  readonly bad: { readonly check: CheckName; readonly fault: Fault } | null;
};

/**
 * Each transaction with its lines, its seal and its event, and what its lines add to the sums. The lines of a transaction come in
 * their order from the index; asked of the aggregate, Postgres 15 would sort them for each transaction.
 */
export async function seeTransactions(sql: Sql, seed: bigint, { after, to }: Range): Promise<SeenTransactions> {
  const within = (column: string): string => inRange(column, 'uuid', '$2', '$3');
  const { rows } = await sql.query<
    SumsRow & {
      transactions: number;
      postings: number;
      unsealed: number;
      bad: string | null;
    }
  >(
    `with lines as (
       select p.transaction_id, count(*) as count, count(p.path) as known, sum(p.amount) as off, min(p.currency) = max(p.currency) as in_one,
         string_agg(postern.line_bytes(p.line, p.path, p.currency, p.amount, p.reference, p.component), ''::bytea) as bytes,
         sum(${balanceTerm('p.amount', 'p.h')}) as balances,
         sum(${itemTerm('p.amount', 'p.reference', `coalesce(p.component, '')`, 'p.h')}) filter (where p.reference is not null) as items
       from (
         select p.transaction_id, p.line, p.currency collate "C" as currency, p.amount, p.reference, p.component, a.path,
           ${h('p')} as h
         from postern.postings p
         left join lateral (select a.path from postern.accounts a where a.id = p.account_id limit 1) as a on true
         where ${within('p.transaction_id')} order by p.transaction_id, p.line
       ) as p group by p.transaction_id
     ), seen as (
       select coalesce(t.id, l.transaction_id) as id, l.count, t.seq, l.balances, l.items,
         l.balances % ${PRIME} * ${dayFactor(EFFECTIVE_DAY, RECORDED_DAY, 't.accounting_date')} % ${PRIME} as days,
         case
           when t.id is null or l.known < l.count then 'no_orphans'
           when l.off <> 0 or not l.in_one and exists (
             select from postern.postings p where p.transaction_id = t.id group by p.currency having sum(p.amount) <> 0) then 'balanced'
           when t.seq is null then case when ${neverSealed('t', '(o.xact, o.id)')} then 'sealed' end
           when ${outsideLog('t.seq')} then 'sealed'
           when t.leaf_hash <> postern.leaf_hash(t.id, t.effect_key, t.content, t.kind, t.effective_at, t.recorded_at, t.accounting_date,
             t.rule_version, t.reverses, t.source_event, t.source_sha256, t.source_line, t.source_request, t.cause, l.bytes) then 'sealed'
           when t.source_request is not null and (r.transaction_id = t.id) is not true then 'requests'
           when t.source_event is null then null
           when e.id is null or e.body_sha256 <> t.source_sha256 or l.count > 0 and e.status <> 'posted' then 'events'
         end as wrong
       from (
         select t.*, s.seq, s.leaf_hash, s.source_sha256
         from postern.transactions t
         left join postern.seal s on s.transaction_id = t.id and ${within('s.transaction_id')} where ${within('t.id')}
       ) as t
       full join lines l on l.transaction_id = t.id
       -- The limit keeps each of these, and the account, a lookup by key: planned as a join it reads all events for every range.
       left join lateral (select e.id, e.body_sha256, e.status from postern.events e where e.id = t.source_event limit 1) as e on true
       left join lateral (select r.transaction_id from postern.requests r where r.id = t.source_request and r.status = 'completed' limit 1) as r on true
       cross join (select s.xact, s.id, s.size from postern.sealing s limit 1) as o
       -- Looked into, it would be three times the work: what is wrong is asked for three times below.
       offset 0
     )
     select count(*)::int4 as transactions, coalesce(sum(count), 0)::int4 as postings,
       count(*) filter (where seq is null)::int4 as unsealed,
       sum(balances)::text as balances, sum(days)::text as days, sum(items)::text as items,
       min(id || ' ' || wrong) filter (where wrong is not null) as bad
     from seen`,
    [seed, after, to],
  );
  const row = rows[0];
  const { transactions = 0, postings = 0, unsealed = 0 } = row ?? {};
  return { transactions, postings, unsealed, sums: sumsOf(row), bad: badOf(row?.bad ?? null) };
}

/** `{id} {check}`. */
function badOf(text: string | null): SeenTransactions['bad'] {
  const [id, name] = text?.split(' ') ?? [];
  const check = CHECKS.find((one) => one === name);
  return check === undefined ? null : { check, fault: { row: `transaction ${id}`, found: FOUND[check] ?? '' } };
}

const FOUND: Partial<Record<CheckName, string>> = {
  no_orphans: 'a line without its transaction, or on an account that is not there',
  balanced: 'its debits and credits differ',
  sealed: 'it is not what was sealed: it was changed, or is not in the log and never will be',
  requests: 'its request is not there, or did not lead to it',
  events: 'its event is not there, is not posted, or has other bytes than when this was sealed',
};

/** Posted events of a range without any transaction, their own or another's that they are evidence of. */
export async function seeEvents(sql: Sql, { after, to }: Range): Promise<{ events: number; bad: Fault | null }> {
  const within = (column: string): string => inRange(column, 'uuid', '$1', '$2');
  // The ranges in the parts are implied, and let them be read in the order of their indexes.
  const { rows } = await sql.query<{ events: number; id: string | null }>(
    `select (select count(*)::int4 from postern.events e where ${within('e.id')}) as events, (
       select e.id from postern.events e
       where ${within('e.id')} and e.status = 'posted'
         and not exists (select from postern.transactions t where t.source_event = e.id and ${within('t.source_event')})
         and not exists (select from postern.transaction_evidence x where x.event_id = e.id and ${within('x.event_id')})
       order by e.id limit 1
     ) as id`,
    [after, to],
  );
  const row = rows[0];
  const bad =
    row === undefined || row.id === null
      ? null
      : { row: `event ${row.id}`, found: 'it is posted and has no transaction' };
  return { events: row?.events ?? 0, bad };
}

/** Completed requests of a range without their transaction, or whose refunds are not what was counted. */
export async function seeRequests(sql: Sql, { after, to }: Range): Promise<{ requests: number; bad: Fault | null }> {
  const { rows } = await sql.query<{ requests: number; id: string | null }>(
    `select count(*)::int4 as requests, min(id::text) filter (where wrong) as id from (
       select r.id, r.status = 'completed' and (
         not exists (select from postern.transactions t where t.id = r.transaction_id and t.source_request = r.id)
         or r.refunded <> coalesce((
           select sum(f.amount) from postern.requests f where f.refunds = r.transaction_id and f.status = 'completed'), 0)) as wrong
       from postern.requests r where ${inRange('r.id', 'uuid', '$1', '$2')}
     ) as seen`,
    [after, to],
  );
  const { requests = 0, id = null } = rows[0] ?? {};
  const found = 'it is completed and has no transaction, or its refunds are not what was counted';
  return { requests, bad: id === null ? null : { row: `request ${id}`, found } };
}

/** The audit entries of a range: how many, how many the log has not sealed yet, and the first that is not what was sealed. */
export async function seeAudit(
  sql: Sql,
  { after, to }: Range,
): Promise<{ entries: number; unsealed: number; bad: Fault | null }> {
  const within = (column: string): string => inRange(column, 'int8', '$1', '$2');
  const { rows } = await sql.query<{ entries: number; unsealed: number; id: bigint | null }>(
    `select count(*)::int4 as entries, count(*) filter (where seq is null)::int4 as unsealed, min(id) filter (where wrong) as id from (
       select a.id, s.seq, case
         when s.seq is null then ${neverSealed('a', '(o.audit_xact, o.audit_id)')}
         when ${outsideLog('s.seq')} then true
         else s.leaf_hash <> postern.audit_leaf_hash(a.id, a.at, a.actor, a.action, a.subject, a.reason, a.details) end as wrong
       from postern.audit_log a
       left join postern.seal s on s.audit_id = a.id and ${within('s.audit_id')}
       cross join (select s.audit_xact, s.audit_id, s.size from postern.sealing s limit 1) as o
       where ${within('a.id')}
     ) as seen`,
    [after, to],
  );
  const { entries = 0, unsealed = 0, id = null } = rows[0] ?? {};
  const found = FOUND.sealed ?? '';
  return { entries, unsealed, bad: id === null ? null : { row: `audit entry ${id}`, found } };
}

/** The effect keys of a range: how many, and the first that is there twice. */
export async function seeKeys(sql: Sql, { after, to }: Range): Promise<{ keys: number; bad: Fault | null }> {
  const { rows } = await sql.query<{ keys: number; twice: string | null }>(
    `select coalesce(sum(times), 0)::int4 as keys, min(effect_key) filter (where times > 1) as twice from (
       select effect_key, count(*) as times from postern.transactions
       where ${inRange('effect_key', 'text', '$1', '$2')} group by effect_key
     ) as seen`,
    [after, to],
  );
  const { keys = 0, twice = null } = rows[0] ?? {};
  return {
    keys,
    bad: twice === null ? null : { row: `effect key ${twice}`, found: 'two transactions are under it' },
  };
}

/** Leaf hashes one after the other, and how many; fewer than asked for where there is a gap. */
export async function seeLeaves(sql: Sql, from: number, to: number): Promise<{ count: number; hashes: Buffer }> {
  const { rows } = await sql.query<{ count: number; hashes: Buffer | null }>(
    `select count(*)::int4 as count, string_agg(leaf_hash, ''::bytea) as hashes
     from (select leaf_hash from postern.seal where seq >= $1 and seq < $2 order by seq) as leaves`,
    [from, to],
  );
  return { count: rows[0]?.count ?? 0, hashes: rows[0]?.hashes ?? Buffer.alloc(0) };
}
