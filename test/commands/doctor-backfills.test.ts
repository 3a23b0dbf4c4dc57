import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { examine } from '../../src/commands/doctor-checks.ts';
import { readConfig } from '../../src/config.ts';
import { parseKeyring } from '../../src/encryption.ts';
import { createEndpointService } from '../../src/endpoints/service.ts';
import { failBackfill, insertBackfill, takeDueBackfill } from '../../src/ingest/backfill-store.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { providers } from '../../src/providers/index.ts';
import type { EndpointSettings } from '../../src/providers/provider.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { TEST_KEYS } from '../support/test-keys.ts';

const HOUR_MS = 3_600_000;
const keyring = parseKeyring(TEST_KEYS);
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

async function check(name: string) {
  const { checks } = await examine({
    sql: database.app,
    keyring,
    limited: null,
    nodeVersion: process.version,
    config: readConfig({}),
    clock: systemClock,
    probe: async () => null,
  });
  return checks.find((one) => one.name === name);
}

async function add(provider: string, name: string, settings: EndpointSettings): Promise<string> {
  const service = createEndpointService({
    pool: database.appPool,
    providers,
    keyring,
    clock: { now: () => Date.now() },
  });
  const { id } = await service.create({ provider, name, settings }, 'test');
  await database.sql.query(
    `insert into postern.backfill_schedules (endpoint_id, compared_to, next_at, last_done_at)
     values ($1, now() - interval '2 days', now(), now() - interval '2 days')`,
    [id],
  );
  return String(id);
}

/** A scheduled backfill that ends, or is at, `error`, made so many hours ago. */
async function scheduled(endpointId: string, hoursAgo: number, error: string, status: 'failed' | 'running') {
  const now = Date.now();
  const id = uuidv7(now - hoursAgo * HOUR_MS);
  const range = { from: now - 9 * HOUR_MS, to: now - HOUR_MS };
  await withTransaction(database.appPool, async (tx) => {
    await insertBackfill(tx, {
      id,
      endpointId: Number(endpointId),
      ...range,
      dryRun: false,
      scheduled: true,
      actor: 'schedule',
    });
    const taken = await takeDueBackfill(tx, uuidv7(now), id);
    if (taken === null) throw new Error('it is not due');
    if (status === 'failed') await failBackfill(tx, taken, error);
    else await tx.query(`update postern.backfills set error = $2, lease = null where id = $1`, [id, error]);
  });
  await database.sql.query(
    `update postern.backfills set created_at = now() - make_interval(hours => $2),
       finished_at = case when status = 'failed' then now() - make_interval(hours => $2) end where id = $1`,
    [id, hoursAgo],
  );
}

const sinceHours = (hours: number): string => new Date(Date.now() - hours * HOUR_MS).toISOString().slice(0, 13);

it('says nothing where nobody lists, or all goes well', async () => {
  await add('adyen', 'main', {});
  await add('standard-webhooks', 'main', {});
  await add('stripe', 'well', { account: 'acct_0', api_key: 'rk_test_madebyus' });
  expect(await check('backfills')).toMatchObject({ status: 'ok', mend: null });
  expect(await check('gap_detection')).toMatchObject({ status: 'ok', mend: null });
});

it('names the endpoint that is not compared any more, since when, what the processor said, and how to mend it', async () => {
  const refused = await add('stripe', 'refused', { account: 'acct_1', api_key: 'rk_test_madebyus' });
  for (const hours of [30, 20, 1])
    await scheduled(refused, hours, 'answered 403: the key lacks read on events', 'failed');
  const found = await check('backfills');
  expect(found).toMatchObject({ status: 'warning' });
  expect(found?.found).toContain(`stripe/refused since ${sinceHours(30)}`);
  expect(found?.found).toContain('answered 403: the key lacks read on events');
  expect(found?.mend).toContain('api_key');
  expect(found?.mend).toContain(`PATCH /api/v1/endpoints/${refused}`);
  expect(found?.mend).toContain('npx postern backfill --endpoint stripe/refused --dry-run');
  expect(found?.found).not.toContain('stripe/well');
});

it('names one whose backfill gets no further for an hour, not one that was told to wait a moment ago', async () => {
  const away = await add('square', 'away', { api_key: 'EAAAmadebyus0000000000000000000000000001' });
  await scheduled(away, 5, 'no answer in time', 'running');
  const busy = await add('paypal', 'busy', {
    webhook_id: '8MADEBYUS0000009Z',
    client_id: 'made-by-us',
    client_secret: 'made-by-us',
  });
  await scheduled(busy, 0, 'answered 429', 'running');
  const found = await check('backfills');
  expect(found?.found).toContain(`square/away since ${sinceHours(5)}`);
  expect(found?.found).toContain('no answer in time');
  expect(found?.found).not.toContain('paypal/busy');
});

it('forgets it when a backfill ends well, when the endpoint is disabled, and when its owner wants none', async () => {
  await database.sql.query(
    `update postern.backfill_schedules set last_error = null, last_done_at = now()
     where endpoint_id = (select id from postern.endpoints where name = 'refused')`,
  );
  await database.sql.query(`update postern.endpoints set disabled = true where name = 'away'`);
  expect(await check('backfills')).toMatchObject({ status: 'ok' });
  const wanted = await add('stripe', 'unwanted', { account: 'a', api_key: 'rk_test_madebyus', backfill_every_s: 0 });
  await scheduled(wanted, 5, 'answered 401: the key is not known, or expired', 'failed');
  expect(await check('backfills')).toMatchObject({ status: 'ok' });
});

it('tells, and no more, which endpoints have no key to find gaps with', async () => {
  await add('stripe', 'keyless', { account: 'acct_2' });
  await add('stripe', 'keyless-unwanted', { account: 'acct_3', backfill_every_s: 0 });
  const found = await check('gap_detection');
  expect(found).toMatchObject({
    status: 'info',
    found: expect.stringContaining('stripe/keyless'),
    mend: expect.stringContaining('api_key'),
  });
  for (const name of ['unwanted', 'adyen', 'stripe/well']) expect(found?.found).not.toContain(name);
});
