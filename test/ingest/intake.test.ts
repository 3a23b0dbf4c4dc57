import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { createMemoryCache } from '../../src/ingest/duplicate-cache.ts';
import { createIntake, type Intake } from '../../src/ingest/intake.ts';
import { createMetrics } from '../../src/metrics.ts';
import type { Pools } from '../../src/postgres/pools.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeStubEndpoint, stubDelivery } from '../support/stub-endpoint.ts';

const clock = { now: () => Date.now() };
let database: TestDatabase;
let pools: Pools;
let endpoints = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  pools = database.pools();
});
afterAll(async () => {
  await pools.end();
  await database.drop();
});

function newIntake(options: { ackDeadlineMs?: number } = {}): Intake {
  return createIntake({
    pool: pools.intake,
    cache: createMemoryCache(clock),
    clock,
    log: database.log,
    metrics: createMetrics({ process: false }),
    ackDeadlineMs: options.ackDeadlineMs ?? 3_000,
  });
}

async function newEndpoint(): Promise<Endpoint> {
  endpoints += 1;
  return makeStubEndpoint(database.sql, `e${endpoints}`);
}

type Row = { event_id: string; status: string; conflict: boolean; duplicates: number; error_code: string | null };

async function rowsOf(endpoint: Endpoint): Promise<Row[]> {
  const { rows } = await database.sql.query<Row>(
    'select event_id, status, conflict, duplicates, error_code from postern.events where endpoint_id = $1 order by event_id, id',
    [endpoint.id],
  );
  return rows;
}

async function deliveriesOf(endpoint: Endpoint): Promise<number> {
  const { rows } = await database.sql.query<{ n: bigint }>(
    'select count(*) as n from postern.deliveries where endpoint_id = $1',
    [endpoint.id],
  );
  return Number(rows[0]?.n);
}

/** design.md, ingest promise 8: accepted items = events + duplicates. */
async function expectSums(endpoint: Endpoint): Promise<void> {
  const { rows } = await database.sql.query<{ accepted: bigint; events: bigint; duplicates: bigint }>(
    `select (select coalesce(sum(accepted), 0)::int8 from postern.endpoint_minutes where endpoint_id = $1) as accepted,
       count(*) as events, coalesce(sum(duplicates), 0)::int8 as duplicates
     from postern.events where endpoint_id = $1`,
    [endpoint.id],
  );
  const [sums] = rows;
  expect(sums?.accepted).toBe((sums?.events ?? 0n) + (sums?.duplicates ?? 0n));
}

describe('intake', () => {
  it('makes 500 deliveries that arrive at once durable, each with its body and a job', async () => {
    const intake = newIntake();
    const endpoint = await newEndpoint();
    const all = Array.from({ length: 500 }, (_, n) => intake.accept(stubDelivery(endpoint, [{ id: `evt_${n}` }])));
    expect((await Promise.all(all)).every((a) => a.stored === 1)).toBe(true);
    await intake.close();

    expect(await rowsOf(endpoint)).toHaveLength(500);
    expect(await deliveriesOf(endpoint)).toBe(500);
    const { rows } = await database.sql.query<{ jobs: bigint; named: bigint }>(
      `select count(distinct e.job_id) as jobs, count(*) as named from postern.events e
       join pgboss.job j on j.id = e.job_id and j.state = 'created' and j.data->'events' ? e.id::text
       where e.endpoint_id = $1`,
      [endpoint.id],
    );
    expect(Number(rows[0]?.named)).toBe(500);
    expect(Number(rows[0]?.jobs)).toBeLessThanOrEqual(10);
    await expectSums(endpoint);
  });

  it('stores copies of one request once, however they overlap', async () => {
    const intake = newIntake();
    const endpoint = await newEndpoint();
    const accepted = await Promise.all(
      Array.from({ length: 10 }, () => intake.accept(stubDelivery(endpoint, [{ id: 'one' }]))),
    );
    expect(accepted.reduce((sum, a) => sum + a.stored, 0)).toBe(1);
    await intake.accept(stubDelivery(endpoint, [{ id: 'one' }]));
    await intake.close();
    expect(await rowsOf(endpoint)).toMatchObject([{ event_id: 'one', duplicates: 10, conflict: false }]);
    expect(await deliveriesOf(endpoint)).toBe(1);
    await expectSums(endpoint);
  });

  it('takes other bytes with the same content for a duplicate and keeps the first five of them', async () => {
    const intake = newIntake();
    const endpoint = await newEndpoint();
    for (let n = 0; n < 8; n += 1)
      await intake.accept(stubDelivery(endpoint, [{ id: 'one', content: 'a', noise: `${n}` }]));
    await intake.close();
    expect(await rowsOf(endpoint)).toMatchObject([{ duplicates: 7, conflict: false }]);
    expect(await deliveriesOf(endpoint)).toBe(6);
    await expectSums(endpoint);
  });

  it('keeps other content under a signed id as a dead event of its own, once', async () => {
    const intake = newIntake();
    const endpoint = await newEndpoint();
    await intake.accept(stubDelivery(endpoint, [{ id: 'one', content: 'ten' }]));
    const forged = await intake.accept(stubDelivery(endpoint, [{ id: 'one', content: 'a million' }]));
    expect(forged).toEqual({ stored: 0, duplicates: 0, conflicts: 1 });
    await intake.close();
    const later = newIntake();
    expect(await later.accept(stubDelivery(endpoint, [{ id: 'one', content: 'a million' }]))).toMatchObject({
      duplicates: 1,
    });
    await later.close();
    expect(await rowsOf(endpoint)).toMatchObject([
      { status: 'queued', conflict: false, duplicates: 0 },
      { status: 'dead', conflict: true, duplicates: 1, error_code: 'conflict' },
    ]);
    await expectSums(endpoint);
  });

  it('calls a second body under one transmission id a conflict, whatever its event id', async () => {
    const intake = newIntake();
    const endpoint = await newEndpoint();
    await intake.accept(stubDelivery(endpoint, [{ id: 'WH-1', transmissionId: 't1', content: 'a' }]));
    await intake.accept(stubDelivery(endpoint, [{ id: 'WH-2', transmissionId: 't1', content: 'b' }]));
    await intake.close();
    expect(await rowsOf(endpoint)).toMatchObject([
      { event_id: 'WH-1', conflict: false },
      { event_id: 'WH-2', conflict: true, status: 'dead' },
    ]);
  });

  it('takes an unsigned id only together with its content', async () => {
    const intake = newIntake();
    const endpoint = await newEndpoint();
    for (const content of ['a', 'b', 'a']) {
      await intake.accept(
        stubDelivery(endpoint, [{ id: 'one', content, idSigned: false, noise: String(Math.random()) }]),
      );
    }
    await intake.close();
    expect(await rowsOf(endpoint)).toMatchObject([{ conflict: false }, { conflict: false }]);
  });

  it('takes a batch apart, folding copies inside it', async () => {
    const intake = newIntake();
    const endpoint = await newEndpoint();
    const accepted = await intake.accept(stubDelivery(endpoint, [{ id: 'a' }, { id: 'b' }, { id: 'a' }]));
    expect(accepted).toEqual({ stored: 2, duplicates: 1, conflicts: 0 });
    await intake.close();
    expect(await rowsOf(endpoint)).toMatchObject([{ event_id: 'a', duplicates: 1 }, { event_id: 'b' }]);
    expect(await deliveriesOf(endpoint)).toBe(1);
  });

  it('isolates a row that Postgres refuses among 199 good ones', async () => {
    const intake = newIntake();
    const endpoint = await newEndpoint();
    const bad = stubDelivery(endpoint, [{ id: 'with \u0000 inside' }]);
    const results = await Promise.allSettled([
      ...Array.from({ length: 199 }, (_, n) => intake.accept(stubDelivery(endpoint, [{ id: `good_${n}` }]))),
      intake.accept(bad),
    ]);
    expect(results.slice(0, 199).every((r) => r.status === 'fulfilled')).toBe(true);
    expect(results[199]).toMatchObject({ status: 'rejected', reason: { code: 'internal' } });
    await intake.close();
    expect(await rowsOf(endpoint)).toHaveLength(199);
  });

  it('does not deadlock when two instances store the same events in opposite order', async () => {
    const endpoint = await newEndpoint();
    const ids = Array.from({ length: 200 }, (_, n) => `evt_${String(n).padStart(3, '0')}`);
    const [one, two] = [newIntake(), newIntake()];
    await Promise.all([
      ...ids.map((id) => one.accept(stubDelivery(endpoint, [{ id }]))),
      ...[...ids].reverse().map((id) => two.accept(stubDelivery(endpoint, [{ id }]))),
    ]);
    await Promise.all([one.close(), two.close()]);
    expect(await rowsOf(endpoint)).toHaveLength(200);
    const { rows } = await database.sql.query<{ deadlocks: bigint }>(
      'select deadlocks from pg_stat_database where datname = current_database()',
    );
    expect(rows[0]?.deadlocks).toBe(0n);
    await expectSums(endpoint);
  });

  it('gives up at the deadline when the table is locked, and the retry is stored once', async () => {
    const intake = newIntake({ ackDeadlineMs: 300 });
    const endpoint = await newEndpoint();
    const locker = await database.appPool.connect();
    await locker.query('begin');
    await locker.query('lock table postern.events in share mode').catch(async () => {
      await locker.query('rollback');
    });
    const { rows } = await database.sql.query<{ held: boolean }>(
      `select exists(select from pg_locks l where l.relation = 'postern.events'::regclass and l.mode = 'ShareLock') as held`,
    );
    expect(rows[0]?.held).toBe(true);
    await expect(intake.accept(stubDelivery(endpoint, [{ id: 'late' }]))).rejects.toMatchObject({
      code: 'commit_unknown',
      http: 503,
    });
    await locker.query('rollback');
    locker.release();
    await expect(newIntakeRetry(endpoint)).resolves.toBeGreaterThanOrEqual(0);
    await intake.close();
    expect(await rowsOf(endpoint)).toHaveLength(1);
  });
});

async function newIntakeRetry(endpoint: Endpoint): Promise<number> {
  const intake = newIntake();
  const accepted = await intake.accept(stubDelivery(endpoint, [{ id: 'late' }]));
  await intake.close();
  return accepted.stored;
}
