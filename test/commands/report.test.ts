import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import readXlsxFile from 'read-excel-file/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AT, captured, openBooks } from '../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { type Ended, type Launched, launch, run, runHere } from '../support/launcher.ts';
import { addDiscrepancy, addSettlement } from '../support/settlement-rows.ts';
import { TEST_KEYS } from '../support/test-keys.ts';
import { unzip } from '../support/unzip.ts';

let database: TestDatabase;
let folder: string;
let account: string;
let settlement: string;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'postern-report-'));
  const books = openBooks(database);
  account = books.account;
  await books.post([captured('p1', 1_000n)]);
  const of = { provider: 'test', account, at: AT };
  const lines = [{ kind: 'charge', batch: 'B1', currency: 'EUR', gross: 999n, reference: 'p1', at: AT }];
  settlement = await addSettlement(database, { ...of, batches: [{ batch: 'B1', currency: 'EUR' }], lines });
  await addDiscrepancy(database, { ...of, class: 'amount_mismatch', reference: 'p1', currency: 'EUR', delta: -1n });
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

const environment = () => ({
  DATABASE_URL: database.url,
  POSTERN_DATA_DIR: folder,
  POSTERN_ENCRYPTION_KEYS: TEST_KEYS,
});
const postern = (...args: string[]): Promise<Ended> => run(args, environment());
const parts = () => readdirSync(folder).filter((name) => name.endsWith('.part'));

const discrepancies = (...args: string[]) =>
  postern('report', 'discrepancies', '--provider', 'test', '--account', account, '--period', '2026-03', ...args);

describe('report', () => {
  it('prints the document, and nothing else', async () => {
    const { status, out, err } = await discrepancies();
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(JSON.parse(out)).toMatchObject({
      cover: { open_discrepancies: 1, prepared_by: expect.stringMatching(/^cli:/) },
    });
  });

  it('writes files that only their owner reads, and makes a run again to the same bytes', async () => {
    const [file, again] = [join(folder, 'march.xlsx'), join(folder, 'again.xlsx')];
    const first = await discrepancies('--format', 'xlsx', '-o', file, '--json');
    const told = JSON.parse(first.out) as { run: string };
    expect(told).toEqual({ file, format: 'xlsx', run: expect.any(String), open: 1 });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await readXlsxFile(file)).map(({ sheet }) => sheet)).toContain('amount_mismatch');
    const second = await discrepancies('--format', 'xlsx', '-o', again, '--run', told.run);
    expect(second).toMatchObject({
      status: 0,
      out: `${again} holds the report: 1 open discrepancy; run ${told.run}\n`,
    });
    expect(readFileSync(again).equals(readFileSync(file))).toBe(true);
  });

  it('tells one settlement report line by line', async () => {
    const file = join(folder, 'one.zip');
    const { status } = await postern('report', 'settlement', settlement, '--format', 'csv', '-o', file);
    expect(status).toBe(0);
    expect(unzip(readFileSync(file)).get('11_lines.csv')?.toString()).toContain(',p1,gross,EUR,9.99,999,');
  });

  it('of one settlement report counts by --max what is of that report', async () => {
    const of = { provider: 'test', account, at: AT };
    const lines = [{ kind: 'charge', batch: 'B2', currency: 'EUR', gross: 5n, reference: 'other', at: AT }];
    const clean = await addSettlement(database, { ...of, batches: [{ batch: 'B2', currency: 'EUR' }], lines });
    expect((await postern('report', 'settlement', clean, '--max', '0')).status).toBe(0);
    expect((await postern('report', 'settlement', settlement, '--max', '0')).status).toBe(1);
  });

  it('ends with 1 where more is open than --max, having written all the same', async () => {
    expect((await discrepancies('--max', '1')).status).toBe(0);
    const { status, out } = await discrepancies('--max', '0');
    expect(status).toBe(1);
    expect(JSON.parse(out)).toHaveProperty('control');
  });

  it('leaves what was there where it fails', async () => {
    const file = join(folder, 'kept.json');
    writeFileSync(file, 'before');
    const refused = await postern('report', 'discrepancies', '--account', 'nobody', '-o', file);
    expect(refused).toMatchObject({ status: 1, out: '' });
    expect(refused.err).toMatch(/^postern: there is no account nobody/);
    expect(readFileSync(file, 'utf8')).toBe('before');
    expect(parts()).toEqual([]);
  });

  /** Ends a report that is being written into `file`, before its end. */
  async function endedBy(signal: NodeJS.Signals, file: string): Promise<Launched> {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      await client.query('begin');
      await client.query('lock table postern.bank_statements in access exclusive mode');
      const launched = launch(['report', 'discrepancies', '--period', '2026-03', '-o', file], environment());
      await eventually(() => expect(parts()).toHaveLength(1), { timeoutMs: 30_000 });
      launched.child.kill(signal);
      await launched.ended;
      return launched;
    } finally {
      await client.end();
    }
  }

  it.each(['SIGINT', 'SIGTERM'] as const)('leaves no part of a file where it is ended by %s', async (signal) => {
    const file = join(folder, `${signal}.json`);
    writeFileSync(file, 'before');
    const { child } = await endedBy(signal, file);
    expect(child.signalCode).toBe(signal);
    expect([parts(), readFileSync(file, 'utf8')]).toEqual([[], 'before']);
  });

  it('puts away what a killed one left', async () => {
    const file = join(folder, 'killed.json');
    await endedBy('SIGKILL', file);
    expect(parts()).toHaveLength(1);
    expect((await discrepancies('-o', file)).status).toBe(0);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toHaveProperty('control');
    expect(parts()).toEqual([]);
  });

  it.each([
    ['a format', ['discrepancies', '--format', 'pdf']],
    ['a number', ['discrepancies', '--max', '-1']],
    ['a class', ['discrepancies', '--class', 'nonsense']],
    ['a status', ['discrepancies', '--status', 'nonsense']],
    ['a currency', ['discrepancies', '--currency', 'euro']],
    ['an id', ['settlement', 'latest']],
    ['a run', ['discrepancies', '--run', 'last']],
  ])('is used wrongly without %s', async (_, args) => {
    expect((await runHere(['report', ...args])).status).toBe(2);
  });
});
