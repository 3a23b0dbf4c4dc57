import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withTransaction } from '../../src/postgres/sql.ts';
import { clearAbandoned } from '../../src/reconcile/import/clear-abandoned.ts';
import { derivedDifferences } from '../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import type { ImportChildOrder } from '../support/import-child.ts';
import { openReports, type Reports } from '../support/reports.ts';
import { type StubItem, stubFile } from '../support/stub-report.ts';

let database: TestDatabase;
let folder: string;
let file: string;
const LINES = 3_000;
const PATIENT = { timeoutMs: 60_000 };

beforeAll(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'postern-import-crash-'));
  file = join(folder, 'crash.stub');
  const items = Array.from(
    { length: LINES },
    (_, n): StubItem => ({ kind: 'charge', id: `l${n}`, about: `p${n}`, gross: 100, fee: 3 }),
  );
  writeFileSync(file, stubFile(items));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

/** Runs the import in a process of its own, and kills it when it has come to where `stuck` wants it. */
async function killedAt(
  reports: Reports,
  until: ImportChildOrder['until'],
  stuck: () => Promise<void> = async () => undefined,
): Promise<void> {
  const { id, account } = reports.order.endpoint;
  const order: ImportChildOrder = { databaseUrl: database.url, endpoint: { id, account }, file, until };
  const child = fork(new URL('../support/import-child.ts', import.meta.url), [JSON.stringify(order)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [],
  });
  const exited = once(child, 'exit');
  const [message] = await Promise.race([once(child, 'message'), exited]);
  expect(message).toBe('stalled');
  await stuck();
  child.kill('SIGKILL');
  await exited;
}

async function state({
  account,
}: Reports): Promise<{ statuses: string[]; lines: number; posted: number; staged: number }> {
  const { rows } = await database.sql.query<{
    statuses: string[] | null;
    lines: number;
    posted: number;
    staged: number;
  }>(
    `select (select array_agg(status order by id) from postern.settlements where account = $1) as statuses,
       (select count(*)::int4 from postern.settlement_lines where account = $1) as lines,
       (select count(*)::int4 from postern.transactions where starts_with(effect_key, 'stripe:' || $1 || ':')) as posted,
       (select count(*)::int4 from pg_class where relname ~ '^staged_[0-9a-f]{32}$') as staged`,
    [account],
  );
  const [row] = rows;
  return {
    statuses: row?.statuses ?? [],
    lines: row?.lines ?? -1,
    posted: row?.posted ?? -1,
    staged: row?.staged ?? -1,
  };
}

/** The server notices a moment later that its client is gone. */
const cleared = (reports: Reports) =>
  eventually(async () => {
    await withTransaction(database.appPool, clearAbandoned);
    const now = await state(reports);
    expect(now.statuses).not.toContain('importing');
    expect(now.staged).toBe(0);
    return now;
  });

async function importsWhole(reports: Reports): Promise<void> {
  const { readFileSync } = await import('node:fs');
  expect(await reports.file(readFileSync(file, 'utf8'))).toMatchObject({ kind: 'imported', linesNew: LINES });
  expect(await state(reports)).toMatchObject({ lines: LINES, posted: 2 * LINES, staged: 0 });
  expect(await derivedDifferences(database)).toEqual([]);
}

describe('an import whose process is killed', () => {
  it.each([
    ['while the file comes in', 'half'],
    ['after its proof', 'proven'],
  ] as const)('%s leaves nothing behind, and can be done again', async (_, until) => {
    const reports = await openReports(database);
    await killedAt(reports, until);
    expect(await cleared(reports)).toEqual({ statuses: ['failed'], lines: 0, posted: 0, staged: 0 });
    await importsWhole(reports);
  });

  it.each([
    ['before it compares', 'postern.settlements', 'exclusive'],
    ['while it keeps its lines', 'postern.settlement_batches', 'exclusive'],
    ['while it posts', 'postern.transactions', 'exclusive'],
    ['while it settles', 'postern.open_items', 'exclusive'],
    ['before it commits', 'postern.audit_log', 'exclusive'],
  ])('%s leaves nothing behind, and can be done again', async (_, table, mode) => {
    const reports = await openReports(database);
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      await killedAt(reports, 'end', async () => {
        await client.query('begin');
        await client.query(`lock table ${table} in ${mode} mode`);
        await eventually(async () => {
          const { rows } = await database.sql.query<{ waiting: boolean }>(
            `select exists (select from pg_locks l join pg_stat_activity a on a.pid = l.pid
               where not l.granted and l.relation = $1::regclass and a.application_name = 'postern import' and a.datname = current_database()) as waiting`,
            [table],
          );
          expect(rows[0]?.waiting).toBe(true);
        }, PATIENT);
      });
      await client.query('rollback');
    } finally {
      await client.end();
    }
    expect(await cleared(reports)).toEqual({ statuses: ['failed'], lines: 0, posted: 0, staged: 0 });
    await importsWhole(reports);
  });

  it('is left alone while it lives', async () => {
    const reports = await openReports(database);
    await killedAt(reports, 'half', async () => {
      await withTransaction(database.appPool, clearAbandoned);
      expect(await state(reports)).toMatchObject({ statuses: ['importing'], staged: 1 });
    });
    await cleared(reports);
  });
});
