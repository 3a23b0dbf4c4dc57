import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createReadiness, type ReadinessWatch } from '../../src/api/readiness.ts';
import { type Sql, sqlOf } from '../../src/postgres/sql.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let now: number;
let cacheUp: boolean;
let age: number;
let lastFailure: number | null;
let draining: boolean;
let sql: Sql;
let watch: ReadinessWatch;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(() => {
  now = Date.parse('2026-03-05T12:00:00Z');
  cacheUp = true;
  age = 0;
  lastFailure = null;
  draining = false;
  sql = database.app;
  watch = createReadiness({
    sql: { query: (...asked: Parameters<Sql['query']>) => sql.query(...asked) } as Sql,
    clock: { now: () => now },
    log: database.log,
    cacheStats: () => ({ connected: cacheUp }),
    endpointsAge: () => age,
    lastIntakeFailure: () => lastFailure,
    draining: () => draining,
  });
});

const away: Sql = { query: () => Promise.reject(new Error('connection refused')) } as unknown as Sql;

it('is ready with all its parts, each since the first look', async () => {
  const { status, checks } = await watch.look();
  expect(status).toBe('ok');
  expect(Object.keys(checks).sort()).toEqual(
    ['cache', 'database', 'endpoints', 'intake', 'migrations', 'partitions', 'process', 'queue', 'work'].sort(),
  );
  for (const part of Object.values(checks)) expect(part).toEqual({ status: 'ok', since: '2026-03-05T12:00:00.000Z' });
});

it('says since when a part is not right, however often it is asked, and since when it is again', async () => {
  await watch.look();
  now += 60_000;
  sql = away;
  expect(await watch.look()).toMatchObject({
    status: 'failed',
    checks: {
      database: { status: 'failed', since: '2026-03-05T12:01:00.000Z', detail: expect.stringMatching(/refused/) },
    },
  });
  now += 60_000;
  expect((await watch.look()).checks.database?.since).toBe('2026-03-05T12:01:00.000Z');
  sql = database.app;
  now += 60_000;
  expect((await watch.look()).checks.database).toEqual({ status: 'ok', since: '2026-03-05T12:03:00.000Z' });
});

it.each<[string, string, 'degraded' | 'failed', () => void]>([
  ['Redis away', 'cache', 'degraded', () => (cacheUp = false)],
  ['endpoints read 21 s ago', 'endpoints', 'degraded', () => (age = 21_000)],
  ['endpoints read over a minute ago', 'endpoints', 'failed', () => (age = 60_001)],
  ['a group that was not durable', 'intake', 'degraded', () => (lastFailure = now - 59_000)],
])('with %s, %s is %s', async (_, part, status, cause) => {
  cause();
  const ready = await watch.look();
  expect([ready.status, ready.checks[part]?.status]).toEqual([status, status]);
});

it('forgets a group that was not durable a minute ago: without requests nobody would find out', async () => {
  lastFailure = now - 61_000;
  expect((await watch.look()).status).toBe('ok');
});

it('is draining before anything else, and not ready', async () => {
  draining = true;
  cacheUp = false;
  const { status, checks } = await watch.look();
  expect([status, checks.process?.status]).toEqual(['draining', 'failed']);
});

it('is not ready where the database takes no writes, as a standby', async () => {
  const client = await database.appPool.connect();
  try {
    await client.query('set default_transaction_read_only = on');
    sql = sqlOf(client);
    expect((await watch.look()).checks.database).toMatchObject({
      status: 'failed',
      detail: expect.stringMatching(/no writes/),
    });
  } finally {
    await client.query('reset default_transaction_read_only');
    client.release();
  }
});

it('is not ready on a schema that lacks a migration of this release, and names it', async () => {
  const [last] = (
    await database.sql.query<{ name: string; sha256: string; release: number }>(
      'delete from postern.migrations where name = (select max(name) from postern.migrations) returning *',
    )
  ).rows;
  try {
    const { status, checks } = await watch.look();
    expect([status, checks.migrations?.status]).toEqual(['failed', 'failed']);
    expect(checks.migrations?.detail).toContain(last?.name);
  } finally {
    await database.sql.query('insert into postern.migrations (name, sha256, release) values ($1, $2, $3)', [
      last?.name,
      last?.sha256,
      last?.release,
    ]);
  }
});

it('is degraded while an event is due that nobody works', async () => {
  await database.sql.query(
    `insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, body_sha256, type, account, status)
     values (gen_random_uuid(), gen_random_uuid(), now() - interval '2 minutes', 1, 0, 'waits', '', 't', 'a', 'queued')`,
  );
  expect((await watch.look()).checks.work).toMatchObject({
    status: 'degraded',
    detail: expect.stringMatching(/is a worker running/),
  });
  // One that is to be tried again later is nobody's fault.
  await database.sql.query(`update postern.events set next_attempt_at = now() + interval '10 minutes'`);
  expect((await watch.look()).checks.work?.status).toBe('ok');
});
