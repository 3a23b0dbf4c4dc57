import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { captured, openBooks } from '../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type Ended, run } from '../support/launcher.ts';

let database: TestDatabase;
let folder: string;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'postern-cli-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

const postern = (...args: readonly string[]): Promise<Ended> =>
  run(['ledger', 'reverse', ...args], { DATABASE_URL: database.url, POSTERN_DATA_DIR: folder });

it('shows a reversal, makes it, and makes it no second time', async () => {
  const books = openBooks(database);
  const [posted] = await books.post([captured('p', 1234n)]);
  if (posted?.kind !== 'posted') throw new Error('not posted');
  const id = posted.transactions[0] ?? '';

  const dry = await postern(id, '--reason', 'posted twice', '--dry-run');
  expect(dry).toMatchObject({ status: 0, err: '' });
  expect(dry.out).toContain(`Would be posted, accounted on 2026-03-05, reverses ${id}`);
  expect(dry.out).toMatch(/income:revenue +12\.34 +EUR/);
  expect(await books.balances()).not.toEqual({});

  const done = await postern(id, '--reason', 'posted twice', '--json');
  expect(done).toMatchObject({ status: 0, err: '' });
  const { dry_run: dryRun, transaction } = JSON.parse(done.out) as { dry_run: boolean; transaction: { id: string } };
  expect(dryRun).toBe(false);
  expect(transaction).toMatchObject({ kind: 'reversal', reverses: id, accounting_date: '2026-03-05' });
  expect(await books.balances()).toEqual({});
  const { rows } = await database.sql.query(
    'select action, subject, reason from postern.audit_log where actor like $1',
    ['cli:%'],
  );
  expect(rows).toEqual([
    { action: 'ledger.reverse', subject: `transaction:${transaction.id}`, reason: 'posted twice' },
  ]);

  for (const [again, says] of [
    [id, `was reversed before, by ${transaction.id}`],
    [transaction.id, 'is a reversal itself'],
    ['nonsense', 'there is no transaction nonsense'],
  ] as const) {
    const refused = await postern(again, '--reason', 'again');
    expect(refused).toMatchObject({ status: 1, out: '' });
    expect(refused.err).toContain(says);
  }
}, 120_000);
