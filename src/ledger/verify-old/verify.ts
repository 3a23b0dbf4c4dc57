import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { sessionBeside } from '../../postgres/pools.ts';
import { type Sql, sqlOf } from '../../postgres/sql.ts';
import { logSize } from '../log-store.ts';
import type { TreeHeadText } from '../tree-head.ts';
import { checkLog } from './log-check.ts';
import { CHECKS, type CheckName, type Fault, SAYS, type VerifyReport } from './report.ts';
import {
  boundaryAfter,
  firstEmptySeal,
  firstUneven,
  firstWrongBalance,
  firstWrongDay,
  firstWrongItem,
  type IdRange,
  residue,
  type Sums,
  seeEvents,
  seeKeys,
  seeTransactions,
  sumKept,
  sumLines,
  sumUnsealedLines,
} from './verify-store.ts';

export type VerifyOptions = {
  readonly pool: pg.Pool;
  /** Heads that somebody kept outside, to be found again in the log. */
  readonly held?: readonly TreeHeadText[];
  /** Sessions that read side by side. */
  readonly sessions?: number;
  /** Told how many transactions were looked at. */
  readonly tell?: (transactions: number) => void;
};

/** Enough to keep Postgres busy and not so many that a step takes seconds or its sorts leave memory. */
const ROWS_A_RANGE = 40_000;
const SESSIONS = 2;
const NO_ID = '00000000-0000-0000-0000-000000000000';

/**
 * Proves the books from their rows alone: all sessions look at one moment of the database, in ranges, with memory that does
 * not grow with it. The first wrong row of each check is named.
 */
export async function verifyLedger(options: VerifyOptions): Promise<VerifyReport> {
  const started = performance.now();
  const sessions = await openSessions(options.pool, options.sessions ?? SESSIONS);
  try {
    return await examine(sessions.map(sqlOf), options, started);
  } finally {
    await Promise.all(sessions.map((session) => session.end()));
  }
}

/** All see what the first one sees. */
async function openSessions(pool: pg.Pool, count: number): Promise<pg.Client[]> {
  const sessions = Array.from({ length: count + 1 }, () => sessionBeside(pool, 'postern verify'));
  try {
    await Promise.all(sessions.map((session) => session.connect()));
    let snapshot = '';
    for (const session of sessions) {
      await session.query('begin isolation level repeatable read read only');
      if (snapshot === '') snapshot = (await session.query('select pg_export_snapshot() as id')).rows[0].id;
      else await session.query(`set transaction snapshot '${snapshot}'`);
      // A range's sort fits; parallel helpers would only take the cores from each other.
      await session.query(
        `set local work_mem = '64MB'; set local max_parallel_workers_per_gather = 0; set local jit = off`,
      );
    }
    return sessions;
  } catch (error) {
    await Promise.all(sessions.map((session) => session.end().catch(() => undefined)));
    throw error;
  }
}

type Found = { readonly faults: Map<CheckName, Fault>; readonly checked: Map<CheckName, number> };

async function examine(
  [first, ...others]: readonly Sql[],
  options: VerifyOptions,
  started: number,
): Promise<VerifyReport> {
  if (first === undefined) throw new RangeError('no session');
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
  let sums: Sums = { balances: 0n, days: 0n, items: 0n };

  async function lookAtTransactions(sql: Sql, range: IdRange): Promise<void> {
    const seen = await seeTransactions(sql, range);
    transactions += seen.transactions;
    postings += seen.postings;
    unsealed += seen.unsealed;
    if (seen.bad !== null) note(seen.bad.check, seen.bad.fault);
    const part = await sumLines(sql, seed, range);
    sums = added(sums, part);
    options.tell?.(transactions);
  }
  async function lookAtEvents(sql: Sql, range: IdRange): Promise<void> {
    const seen = await seeEvents(sql, range);
    events += seen.events;
    note('events', seen.bad);
  }

  const steps = merged(
    ranges(first, 'transactions', lookAtTransactions),
    ranges(first, 'events', lookAtEvents),
    keyPages(first, found, note),
  );
  const [log] = await Promise.all([
    checkLog(first, size, options.held ?? [], () => undefined),
    ...others.map(async (sql) => {
      for (let step = await steps.next(); step.done !== true; step = await steps.next()) await step.value(sql);
    }),
  ]);
  note('log', log.fault);
  if (size !== transactions - unsealed) note('no_orphans', await firstEmptySeal(first));
  const tail = await sumUnsealedLines(first, seed);
  const kept = await sumKept(first, seed);
  if (kept.balances !== sums.balances) note('balances', (await firstWrongBalance(first)) ?? UNKNOWN);
  if (kept.days !== sums.days - tail.days) note('days', (await firstWrongDay(first)) ?? UNKNOWN);
  if (kept.items !== residue(sums.items)) note('open_items', (await firstWrongItem(first)) ?? UNKNOWN);
  note('open_items', await firstUneven(first));

  const { checked } = found;
  for (const name of ['balanced', 'no_orphans', 'sealed'] as const) checked.set(name, transactions);
  checked.set('log', log.leaves);
  checked.set('events', events);
  checked.set('balances', kept.rows.balances);
  checked.set('days', kept.rows.days);
  checked.set('open_items', kept.rows.items);
  return {
    ok: found.faults.size === 0,
    transactions,
    postings,
    events,
    unsealed,
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

/** Sums that differ though no row does: never seen, and not to be passed over. */
const UNKNOWN: Fault = { row: 'all', found: 'the sums differ, and no single row does: run it again' };

const added = (a: Sums, b: Sums): Sums => ({
  balances: a.balances + b.balances,
  days: a.days + b.days,
  items: a.items + b.items,
});

type Step = (sql: Sql) => Promise<void>;

/** Looks at a whole table, range by range. Its bounds are asked of `sql`; the ranges may be looked at side by side. */
async function* ranges(
  sql: Sql,
  table: 'transactions' | 'events',
  look: (sql: Sql, range: IdRange) => Promise<void>,
): AsyncGenerator<Step> {
  for (let after: string | null = NO_ID; after !== null; ) {
    const range: IdRange = { after, to: await boundaryAfter(sql, table, after, ROWS_A_RANGE) };
    yield (session) => look(session, range);
    after = range.to;
  }
}

/** The index of effect keys in its order: one page after the other. */
async function* keyPages(
  sql: Sql,
  { checked }: Found,
  note: (name: CheckName, fault: Fault | null) => void,
): AsyncGenerator<Step> {
  let keys = 0;
  for (let from: string | null = ''; from !== null; ) {
    const page: Awaited<ReturnType<typeof seeKeys>> = await seeKeys(sql, from, ROWS_A_RANGE);
    keys += page.keys - (from === '' ? 0 : 1);
    checked.set('effect_keys', keys);
    if (page.twice !== null)
      note('effect_keys', { row: `effect key ${page.twice}`, found: 'two transactions are under it' });
    from = page.keys < ROWS_A_RANGE || page.last === from ? null : page.last;
    yield async () => undefined;
  }
}

/** The steps of all, one after the other, for several takers. */
async function* merged(...all: readonly AsyncGenerator<Step>[]): AsyncGenerator<Step> {
  for (const steps of all) yield* steps;
}
