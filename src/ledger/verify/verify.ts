import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { sessionBeside } from '../../postgres/pools.ts';
import { type Sql, sqlOf } from '../../postgres/sql.ts';
import { logSize } from '../log-store.ts';
import type { TreeHeadText } from '../tree-head.ts';
import { firstEmptySeal, firstWrongBalance, firstWrongDay, firstWrongItem } from './first-wrong-store.ts';
import { checkLog } from './log-check.ts';
import { CHECKS, type CheckName, type Fault, SAYS, type VerifyReport } from './report.ts';
import { added, type KeptItems, NO_SUMS, sumItems, sumKept, sumUnsealedLines, taken } from './sums-store.ts';
import {
  boundaryAfter,
  type Range,
  type Ranged,
  seeAudit,
  seeEvents,
  seeKeys,
  seeRequests,
  seeTransactions,
} from './verify-store.ts';

export type VerifyOptions = {
  readonly pool: pg.Pool;
  /** Heads that somebody kept outside, to be found again in the log. */
  readonly held?: readonly TreeHeadText[];
  /** Sessions that read side by side. */
  readonly sessions?: number;
  /** Told how many transactions were looked at. */
  readonly tell?: (transactions: number) => void;
  /** Breaks it off at once: what runs fails. */
  readonly signal?: AbortSignal;
};

/** Enough to keep Postgres busy and not so many that a step takes seconds or its sorts leave memory. */
const ROWS_A_RANGE = 40_000;
const SESSIONS = 2;
/** One reads the log, one asks for the bounds of ranges. */
const OTHERS = 2;

/**
 * Proves the books from their rows alone: all sessions look at one moment of the database, in ranges, with memory that does
 * not grow with it. The first wrong row of each check is named.
 */
export async function verifyLedger(options: VerifyOptions): Promise<VerifyReport> {
  const started = performance.now();
  const sessions = await openSessions(options.pool, options.sessions ?? SESSIONS);
  // A session that is in the middle of a statement is cut, not waited for.
  const breakOff = (): void => void Promise.allSettled(sessions.map((session) => session.end()));
  options.signal?.addEventListener('abort', breakOff);
  try {
    options.signal?.throwIfAborted();
    return await examine(sessions.map(sqlOf), options, started);
  } finally {
    options.signal?.removeEventListener('abort', breakOff);
    await Promise.all(sessions.map((session) => session.end()));
  }
}

/** All see what the first one sees. */
async function openSessions(pool: pg.Pool, count: number): Promise<pg.Client[]> {
  const sessions = Array.from({ length: count + OTHERS }, () => sessionBeside(pool, 'postern verify'));
  try {
    await Promise.all(sessions.map((session) => session.connect()));
    let snapshot = '';
    for (const session of sessions) {
      await session.query('begin isolation level repeatable read read only');
      if (snapshot === '') snapshot = (await session.query('select pg_export_snapshot() as id')).rows[0].id;
      else await session.query(`set transaction snapshot '${snapshot}'`);
      // Parallel helpers would only take the cores from each other.
      await session.query(`set local work_mem = '64MB'; set local max_parallel_workers_per_gather = 0`);
    }
    // Ranges are read in the order of their indexes and merged. Postgres takes a range of ids within one step of its
    // histogram for a single row, and would join two of 40,000 by looking through one for each row of the other.
    for (const session of sessions.slice(OTHERS))
      await session.query(
        'set local enable_bitmapscan = off; set local enable_sort = off; set local enable_hashjoin = off; set local enable_nestloop = off',
      );
    return sessions;
  } catch (error) {
    await Promise.all(sessions.map((session) => session.end().catch(() => undefined)));
    throw error;
  }
}

type Found = { readonly faults: Map<CheckName, Fault>; readonly checked: Map<CheckName, number> };

async function examine(
  [logSession, first, ...others]: readonly Sql[],
  options: VerifyOptions,
  started: number,
): Promise<VerifyReport> {
  if (logSession === undefined || first === undefined) throw new RangeError('no session');
  const found: Found = { faults: new Map(), checked: new Map() };
  const note = (name: CheckName, fault: Fault | null): void => {
    if (fault !== null && !found.faults.has(name)) found.faults.set(name, fault);
  };
  const seed = randomBytes(8).readBigInt64BE();
  const size = await logSize(first);
  let transactions = 0;
  let postings = 0;
  let unsealed = 0;
  let events = 0;
  let keys = 0;
  let requests = 0;
  let audited = 0;
  let auditUnsealed = 0;
  let sums = NO_SUMS;
  let items: KeptItems = { sums: NO_SUMS, rows: 0, uneven: null };

  async function lookAtTransactions(sql: Sql, range: Range): Promise<void> {
    const seen = await seeTransactions(sql, seed, range);
    transactions += seen.transactions;
    postings += seen.postings;
    unsealed += seen.unsealed;
    sums = added(sums, seen.sums);
    if (seen.bad !== null) note(seen.bad.check, seen.bad.fault);
    options.tell?.(transactions);
  }
  async function lookAtEvents(sql: Sql, range: Range): Promise<void> {
    const seen = await seeEvents(sql, range);
    events += seen.events;
    note('events', seen.bad);
  }
  async function lookAtRequests(sql: Sql, range: Range): Promise<void> {
    const seen = await seeRequests(sql, range);
    requests += seen.requests;
    note('requests', seen.bad);
  }
  async function lookAtAudit(sql: Sql, range: Range): Promise<void> {
    const seen = await seeAudit(sql, range);
    audited += seen.entries;
    auditUnsealed += seen.unsealed;
    note('audit', seen.bad);
  }
  async function lookAtKeys(sql: Sql, range: Range): Promise<void> {
    const seen = await seeKeys(sql, range);
    keys += seen.keys;
    note('effect_keys', seen.bad);
  }
  async function lookAtItems(sql: Sql): Promise<void> {
    items = await sumItems(sql, seed);
    note('open_items', items.uneven);
  }

  const steps = merged(
    [lookAtItems],
    ranges(first, { table: 'transactions', by: 'id' }, lookAtTransactions),
    ranges(first, { table: 'events', by: 'id' }, lookAtEvents),
    ranges(first, { table: 'requests', by: 'id' }, lookAtRequests),
    ranges(first, { table: 'audit_log', by: 'id' }, lookAtAudit),
    ranges(first, { table: 'transactions', by: 'effect_key' }, lookAtKeys),
  );
  const [log] = await Promise.all([
    checkLog(logSession, size, options.held ?? [], () => undefined),
    ...others.map(async (sql) => {
      for (let step = await steps.next(); step.done !== true; step = await steps.next()) await step.value(sql);
    }),
  ]);
  note('log', log.fault);
  if (size !== transactions - unsealed + audited - auditUnsealed)
    note('no_orphans', (await firstEmptySeal(first)) ?? UNCOUNTED);
  const sealed = taken(sums, await sumUnsealedLines(first, seed));
  const kept = await sumKept(first, seed);
  if (kept.sums.balances !== sums.balances) note('balances', (await firstWrongBalance(first)) ?? UNKNOWN);
  if (kept.sums.days !== sealed.days) note('days', (await firstWrongDay(first)) ?? UNKNOWN);
  if (items.sums.items !== sums.items) note('open_items', (await firstWrongItem(first)) ?? UNKNOWN);

  const { checked } = found;
  for (const name of ['balanced', 'no_orphans', 'sealed'] as const) checked.set(name, transactions);
  checked.set('audit', audited);
  checked.set('log', log.leaves);
  checked.set('effect_keys', keys);
  checked.set('events', events);
  checked.set('requests', requests);
  checked.set('balances', kept.rows.balances);
  checked.set('days', kept.rows.days);
  checked.set('open_items', items.rows);
  return {
    ok: found.faults.size === 0,
    transactions,
    postings,
    events,
    audit_entries: audited,
    unsealed: unsealed + auditUnsealed,
    log_size: log.leaves,
    root: log.root.toString('hex'),
    heads: log.heads,
    seconds: (performance.now() - started) / 1000,
    checks: CHECKS.map((name) => ({
      name,
      says: SAYS[name],
      checked: checked.get(name) ?? 0,
      fault: found.faults.get(name) ?? null,
    })),
  };
}

/** Counts that differ though no seal is empty: never seen, and not to be passed over. */
const UNCOUNTED: Fault = {
  row: 'all',
  found: 'the log has another number of entries than there are rows sealed in it',
};

/** Sums that differ though no row does: never seen, and not to be passed over. */
const UNKNOWN: Fault = { row: 'all', found: 'the sums differ, and no single row does: run it again' };

type Step = (sql: Sql) => Promise<void>;

/** Looks at a whole table, range by range. Its bounds are asked of `sql`; the ranges may be looked at side by side. */
async function* ranges(
  sql: Sql,
  ranged: Ranged,
  look: (sql: Sql, range: Range) => Promise<void>,
): AsyncGenerator<Step> {
  let after: string | null = null;
  do {
    const range: Range = { after, to: await boundaryAfter(sql, ranged, after, ROWS_A_RANGE) };
    yield (session) => look(session, range);
    after = range.to;
  } while (after !== null);
}

/** The steps of all, one after the other, for several takers. */
async function* merged(...all: readonly (AsyncGenerator<Step> | readonly Step[])[]): AsyncGenerator<Step> {
  for (const steps of all) yield* steps;
}
