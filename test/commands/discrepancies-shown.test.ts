import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AT, captured, line, openBooks } from '../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type Ended, run, runHere } from '../support/launcher.ts';
import { addDiscrepancy } from '../support/settlement-rows.ts';
import { TEST_KEYS } from '../support/test-keys.ts';

let database: TestDatabase;
let folder: string;
let id: string;
let ofFile: string;
let ofBank: string;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'postern-discrepancies-'));
  const books = openBooks(database);
  await books.post([captured('p1', 1_000n)], [line('charge', 'l', { reference: 'p1', gross: 999n })]);
  const of = { provider: 'test', account: books.account, at: AT };
  await addDiscrepancy(database, { ...of, class: 'amount_mismatch', reference: 'p1', currency: 'EUR', delta: -1n });
  await addDiscrepancy(database, { ...of, class: 'file_total_mismatch', reference: 'B1', currency: 'XXX', delta: 0n });
  ofBank = await addDiscrepancy(database, {
    ...of,
    class: 'bank_amount_mismatch',
    item: 'bank_in_transit',
    reference: 'po_1',
    currency: 'EUR',
    delta: -1n,
  });
  await database.sql.query(
    `update postern.discrepancies set differences = '[{"field": "amount", "ledger": "1000", "settlement": "999"}]'
     where class in ('amount_mismatch', 'bank_amount_mismatch')`,
  );
  await database.sql.query(
    `update postern.discrepancies set evidence = '{"file": "march.csv", "row": 7}' where class = 'file_total_mismatch'`,
  );
  const { rows } = await database.sql.query<{ id: string }>(
    `select id::text as id from postern.discrepancies where class <> 'bank_amount_mismatch' order by class`,
  );
  [id, ofFile] = [rows[0]?.id ?? '', rows[1]?.id ?? ''];
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

const postern = (...args: string[]): Promise<Ended> =>
  run(['discrepancies', ...args], {
    DATABASE_URL: database.url,
    POSTERN_DATA_DIR: folder,
    POSTERN_ENCRYPTION_KEYS: TEST_KEYS,
  });

describe('discrepancies show', () => {
  it('tells both sides in major units', async () => {
    const { status, out } = await postern('show', id);
    expect(status).toBe(0);
    expect(out).toContain('amount_mismatch  EUR -0.01  open');
    expect(out).toContain('amount: ledger EUR 10.00, report EUR 9.99');
  });

  it('tells the bank beside the ledger by its own name', async () => {
    const { out } = await postern('show', ofBank);
    expect(out).toContain('amount: ledger EUR 10.00, bank EUR 9.99');
    const { differences } = JSON.parse((await postern('show', ofBank, '--json')).out) as { differences: unknown };
    expect(differences).toEqual([{ field: 'amount', ledger: '1000', settlement: '999', bank: '999' }]);
    const report = JSON.parse((await postern('show', id, '--json')).out) as { differences: unknown };
    expect(report.differences).toEqual([{ field: 'amount', ledger: '1000', settlement: '999' }]);
  });

  it('names the file and the row, and no amount where there is no currency', async () => {
    const { out } = await postern('show', ofFile);
    expect(out).toContain('row: 7\nfile: march.csv');
    expect(out).not.toContain('XXX');
    expect((await postern('list')).out).not.toContain('XXX');
  });
});

describe('discrepancies list', () => {
  it.each([
    ['a class', ['--type', 'nonsense']],
    ['a status', ['--status', 'nonsense']],
    ['a currency', ['--currency', 'eur']],
    ['an age', ['--min-age', '-1']],
  ])('is used wrongly without %s', async (_, args) => {
    expect((await runHere(['discrepancies', 'list', ...args])).status).toBe(2);
  });

  it('says that nothing is like that, or that nothing is open', async () => {
    expect((await postern('list', '--currency', 'USD')).out).toBe('No discrepancy is like that.\n');
    const empty = await createTestDatabase();
    try {
      const { out } = await run(['discrepancies', 'list'], { DATABASE_URL: empty.url, POSTERN_DATA_DIR: folder });
      expect(out).toBe('No discrepancy is open.\n');
    } finally {
      await empty.drop();
    }
  });
});
