import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

it('compiles no plans and reads what is committed, whatever the server does by default', async () => {
  await database.sql.query(`alter database ${database.name} set jit = on`);
  await database.sql.query(`alter database ${database.name} set default_transaction_isolation = 'serializable'`);
  const { intake, worker, boss, api, requests } = database.pools();
  for (const pool of [intake, worker, boss, api, requests]) {
    const { rows } = await pool.query(
      `select current_setting('jit') as jit, current_setting('transaction_isolation') as isolation, current_user as "user"`,
    );
    expect(rows).toEqual([{ jit: 'off', isolation: 'read committed', user: 'postern_app' }]);
  }
});
