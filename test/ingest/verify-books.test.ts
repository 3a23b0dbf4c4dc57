import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { BOOKS_WRONG, verifyBooks } from '../../src/ingest/verify-books.ts';
import { stripe } from '../../src/providers/stripe/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { createPipeline, type Pipeline } from '../support/pipeline.ts';
import { chargeSucceeded } from '../support/stripe-bodies.ts';

let database: TestDatabase;
let pipeline: Pipeline;
let gateway: TestGateway;

beforeAll(async () => {
  database = await createTestDatabase();
  const { rows } = await database.sql.query<{ id: number }>(
    "insert into postern.endpoints (provider, name, account) values ('stripe', 'books', 'books') returning id",
  );
  const endpoint: Endpoint = {
    id: rows[0]?.id ?? 0,
    provider: stripe,
    name: 'books',
    account: 'books',
    settings: {},
    disabled: false,
    secrets: [],
  };
  pipeline = await createPipeline(database, () => [endpoint]);
  pipeline.worker.start();
  await pipeline.deliver(endpoint, chargeSucceeded('books'));
  await eventually(async () => {
    const { rows: posted } = await database.sql.query("select from postern.events where status = 'posted'");
    expect(posted).toHaveLength(1);
  });
  gateway = await startTestGateway(database, { work: false });
});
afterAll(async () => {
  await gateway.stop();
  await pipeline.stop();
  await database.drop();
});

type Run = { last_error: string | null; last_success_at: Date | null };

async function lastRun(): Promise<Run | undefined> {
  const { rows } = await database.sql.query<Run>(
    "select last_error, last_success_at from postern.housekeeping_runs where name = 'verify_books'",
  );
  return rows[0];
}

async function metric(name: string): Promise<number> {
  const text = await (await gateway.api('/metrics')).text();
  return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1]);
}

/** As somebody with the superuser's rights would, past every guard. */
async function changeBalance(by: number): Promise<void> {
  await database.sql.query(`do $$ begin
    set local session_replication_role = replica;
    update postern.balances set debits = debits + ${by};
  end $$`);
}

const passed = (time: string): Promise<unknown> =>
  database.sql.query(
    `update postern.housekeeping_runs set last_run_at = now() - interval '${time}' where name = 'verify_books'`,
  );

describe('the daily proof of the books', () => {
  it('is not made on the first day', async () => {
    await pipeline.housekeeping.run('verify_books');
    expect(await lastRun()).toBeUndefined();
  });

  it('is made once a day, finds what is wrong, looks hourly until it is mended, and says so to Prometheus', async () => {
    await database.sql.query(
      `insert into postern.database (system_identifier, created_at) values ('test', now() - interval '2 days')
       on conflict (only_row) do update set created_at = excluded.created_at`,
    );
    await pipeline.housekeeping.run('verify_books');
    expect(await lastRun()).toMatchObject({ last_error: null });
    expect(await metric('postern_books_wrong')).toBe(0);
    expect(await metric('postern_books_verified_seconds')).toBeGreaterThan(Date.now() / 1_000 - 60);

    await changeBalance(1);
    await passed('22 hours');
    await pipeline.housekeeping.run('verify_books');
    expect((await lastRun())?.last_error).toBeNull();

    await passed('24 hours');
    await pipeline.housekeeping.run('verify_books');
    expect((await lastRun())?.last_error).toContain(`${BOOKS_WRONG}: balances: `);
    expect(await metric('postern_books_wrong')).toBe(1);

    await changeBalance(-1);
    await passed('1 hour');
    await pipeline.housekeeping.run('verify_books');
    expect(await lastRun()).toMatchObject({ last_error: null });
    expect(await metric('postern_books_wrong')).toBe(0);
  });

  it('is broken off by whoever stops, and noted neither as right nor as wrong', async () => {
    await passed('24 hours');
    const stopping = new AbortController();
    const ended = verifyBooks(database.sql, { pool: database.appPool, log: database.log, signal: stopping.signal });
    stopping.abort();
    expect(await ended).toBe(false);
  });
});
