import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { examine } from '../../src/commands/doctor-checks.ts';
import { readConfig } from '../../src/config.ts';
import { parseKeyring } from '../../src/encryption.ts';
import { addRejected } from '../../src/ingest/minutes-store.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { TEST_KEYS } from '../support/test-keys.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

async function refusedCheck() {
  const { checks } = await examine({
    sql: database.app,
    keyring: parseKeyring(TEST_KEYS),
    limited: null,
    nodeVersion: process.version,
    config: readConfig({}),
    clock: systemClock,
    probe: async () => null,
  });
  return checks.find(({ name }) => name === 'refused');
}

it('names the endpoint that refuses more than it takes, and why', async () => {
  const { rows } = await database.sql.query<{ id: number }>(
    `insert into postern.endpoints (provider, name, account) values ('stripe', 'right', 'a'), ('stripe', 'wrong', 'a') returning id`,
  );
  const [right = 0, wrong = 0] = rows.map(({ id }) => id);
  expect(await refusedCheck()).toMatchObject({ status: 'ok', mend: null });

  const writer = uuidv7(Date.now());
  await addRejected(
    database.app,
    [
      { endpointId: right, reason: 'stale', requests: 9 },
      { endpointId: wrong, reason: 'signature_missing', requests: 2 },
      { endpointId: wrong, reason: 'signature_mismatch', requests: 9 },
    ],
    writer,
  );
  await database.sql.query(`update postern.endpoint_minutes set accepted = 10 where writer = $1`, [writer]);
  expect(await refusedCheck()).toMatchObject({
    status: 'warning',
    found: 'stripe/wrong refused 11 and took 10, mostly for signature_mismatch',
    mend: expect.stringContaining('secret'),
  });

  // What was an hour ago is over.
  for (const table of ['endpoint_minutes', 'rejected_minutes'])
    await database.sql.query(`update postern.${table} set minute = minute - interval '2 hours'`);
  expect(await refusedCheck()).toMatchObject({ status: 'ok' });
});
