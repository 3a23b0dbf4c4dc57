import { afterAll, beforeAll, expect, it } from 'vitest';
import { ledgerLog } from '../../src/commands/doctor-log.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { captured, openBooks } from '../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { seal } from '../support/sealed.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

it('is content with an empty log, and with one that keeps up', async () => {
  expect(await ledgerLog(database.app)).toMatchObject({ status: 'ok', found: 'nothing is sealed yet' });
  await openBooks(database).post([captured('p', 5n)]);
  await seal(database);
  expect(await ledgerLog(database.app)).toMatchObject({
    status: 'ok',
    found: expect.stringMatching(/^1 transactions and audit entries sealed/),
  });
});

it('names the session that holds sealing up, and what to do', async () => {
  await withTransaction(database.appPool, async (tx) => {
    await tx.query('select pg_current_xact_id()');
    await openBooks(database).post([captured('q', 5n)]);
    await database.sql.query(
      `set session_replication_role = replica; update postern.transactions set recorded_at = now() - interval '2 minutes'; set session_replication_role = origin`,
    );
    const check = await ledgerLog(database.app);
    expect(check).toMatchObject({
      status: 'warning',
      found: expect.stringMatching(/1 are not, the oldest since 12\d s/),
    });
    expect(check.found).toMatch(/"[^"]+" \(pid \d+\)/);
    expect(check.mend).toMatch(/pg_terminate_backend\(\d+\)/);
  });
});
