import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMemoryCache } from '../../src/ingest/duplicate-cache.ts';
import { createIntake } from '../../src/ingest/intake.ts';
import { createMetrics } from '../../src/metrics.ts';
import { createBoss } from '../../src/postgres/boss.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeStubEndpoint, stubDelivery } from '../support/stub-endpoint.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** Intake writes pgboss.job itself, in the statement that stores its group: it must write what pg-boss would. */
it("writes a job's columns as pg-boss's own insert does", async () => {
  const pools = database.pools();
  const clock = { now: () => Date.now() };
  const endpoint = await makeStubEndpoint(database.sql, 'jobs');
  const intake = createIntake({
    pool: pools.intake,
    cache: createMemoryCache(clock),
    clock,
    log: database.log,
    metrics: createMetrics({ process: false }),
    ackDeadlineMs: 3_000,
  });
  const delivery = stubDelivery(endpoint, [{ id: 'a' }, { id: 'b' }]);
  await intake.accept(delivery);
  await intake.close();
  const boss = createBoss(pools.boss, database.log, { supervise: false });
  await boss.start();
  const theirs = uuidv7(clock.now());
  await boss.insert('events', [{ id: theirs, data: { events: [] } }]);
  await boss.stop({ graceful: false, close: false });
  await pools.end();

  const { rows } = await database.sql.query<{ id: string; job: Record<string, unknown>; kept: string }>(
    `select id, to_jsonb(j) - '{id,data,start_after,created_on,keep_until}'::text[] as job, (keep_until - start_after)::text as kept
     from pgboss.job j where name = 'events'`,
  );
  const own = rows.find((row) => row.id !== theirs);
  const reference = rows.find((row) => row.id === theirs);
  expect(rows).toHaveLength(2);
  expect(own?.job).toEqual(reference?.job);
  expect(own?.kept).toBe(reference?.kept);
});
