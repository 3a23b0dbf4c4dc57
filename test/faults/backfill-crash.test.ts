import { afterAll, beforeAll, expect, it } from 'vitest';
import { selectBackfills } from '../../src/api/backfill-store.ts';
import { parseKeyring } from '../../src/encryption.ts';
import { createEndpointService } from '../../src/endpoints/service.ts';
import { insertBackfill } from '../../src/ingest/backfill-store.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { providers } from '../../src/providers/index.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { startChildGateway } from '../support/child-gateway.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { createRandom } from '../support/random.ts';
import { TEST_KEYS } from '../support/test-keys.ts';

const CHARGES = 400;
const KILLS = 5;
const HOUR_MS = 3_600_000;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

it(`takes each of ${CHARGES} missing events in once, and counts it once, however often its process is killed`, async () => {
  const random = createRandom(9);
  const clock = { now: () => Date.now() };
  const service = createEndpointService({ pool: database.appPool, providers, keyring: parseKeyring(TEST_KEYS), clock });
  const settings = { account: 'acct_1', api_key: 'rk_test_madebyus', backfill_every_s: 0 };
  const endpoint = await service.create({ provider: 'stripe', name: 'main', settings }, 'test');
  const id = uuidv7(Date.now());
  const range = { from: Date.now() - 24 * HOUR_MS, to: Date.now() };
  await withTransaction(database.appPool, (tx) =>
    insertBackfill(tx, { id, endpointId: endpoint.id, ...range, dryRun: false, scheduled: false, actor: 'test' }),
  );
  const report = async () => (await selectBackfills(database.app, { id }, { before: null, limit: 1 }))[0];
  const child = () =>
    startChildGateway(database.url, {
      serve: false,
      listed: { charges: CHARGES, at: Math.floor(Date.now() / 1000) - 7_200 },
    });
  /** The lease of the process that died would run for some minutes more. */
  const endLease = () => database.sql.query('update postern.backfills set due_at = now() where id = $1', [id]);

  for (let kill = 1; kill <= KILLS; kill += 1) {
    const pages = (await report())?.pages ?? 0;
    const doomed = await child();
    await eventually(async () => expect((await report())?.pages ?? 0).toBeGreaterThan(pages));
    await new Promise((resolve) => setTimeout(resolve, random.below(40)));
    await doomed.kill();
    await endLease();
  }
  const last = await child();
  await eventually(async () => expect((await report())?.status).toBe('done'), { timeoutMs: 30_000 });
  await eventually(async () => expect(await report()).toMatchObject({ posted: BigInt(CHARGES) }), {
    timeoutMs: 30_000,
  });
  await last.stop();
  const all = BigInt(CHARGES);
  expect(await report()).toMatchObject({ issued: all, received: 0n, missing: all, filled: all, conflicts: 0n });
  const { rows } = await database.sql.query(
    `select (select count(*) from postern.events) as events,
       (select count(*) from postern.transactions where effect_key like 'stripe:acct_1:%:captured:1000') as captured,
       (select count(*) from postern.duplicate_deliveries) as copies`,
  );
  expect(rows).toEqual([{ events: all, captured: all, copies: 0n }]);
}, 240_000);
