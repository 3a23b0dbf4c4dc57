import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { createPipeline, type Pipeline } from '../support/pipeline.ts';

let database: TestDatabase;
let gateway: TestGateway;
let keeper: Pipeline;

beforeAll(async () => {
  database = await createTestDatabase();
  // It only serves: who keeps house is somebody else, and what this one tells comes from the database.
  gateway = await startTestGateway(database, { work: false });
  keeper = await createPipeline(database, () => []);
});
afterAll(async () => {
  await keeper.stop();
  await gateway.stop();
  await database.drop();
});

type Ready = { status: string; checks: Record<string, { status: string; detail?: string }> };

async function ready(): Promise<{ code: number; body: Ready }> {
  const response = await fetch(`${gateway.url}/api/v1/ready`);
  return { code: response.status, body: (await response.json()) as Ready };
}

async function dropDaysAhead(from: number): Promise<void> {
  const { rows } = await database.sql.query<{ name: string }>(
    `select c.relname::text as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'postern.deliveries'::regclass
       and to_date(right(c.relname, 8), 'YYYYMMDD') >= (now() at time zone 'utc')::date + $1::int`,
    [from],
  );
  for (const { name } of rows) await database.sql.query(`drop table postern.${name}`);
}

describe('readiness', () => {
  it('is degraded below seven days of partitions ahead, and right again once they are made', async () => {
    expect((await ready()).body.checks.partitions).toMatchObject({ status: 'ok' });
    await dropDaysAhead(8);
    expect((await ready()).body.checks.partitions).toMatchObject({ status: 'ok' });
    await dropDaysAhead(7);
    const { code, body } = await ready();
    // Webhooks are taken still: a balancer must not send them elsewhere.
    expect([code, body.status, body.checks.partitions?.status]).toEqual([200, 'degraded', 'degraded']);
    expect(body.checks.partitions?.detail).toContain('6 days ahead');
    await keeper.housekeeping.run('make_partitions');
    expect((await ready()).body.status).toBe('ok');
  });
});

describe('housekeeping', () => {
  async function lateness(task: string): Promise<number> {
    const text = await (await gateway.api('/metrics')).text();
    const [, value] = new RegExp(`postern_housekeeping_late_intervals\\{task="${task}"\\} (\\S+)`).exec(text) ?? [];
    return Number(value);
  }

  it('tells how many intervals a task is late, counted from its last success', async () => {
    await keeper.housekeeping.run('forget_minutes');
    expect(await lateness('forget_minutes')).toBeLessThan(0.1);
    await database.sql.query(
      `update postern.housekeeping_runs set last_run_at = now(), last_error = 'no luck', last_success_at = now() - interval '4 hours'
       where name = 'forget_minutes'`,
    );
    expect(await lateness('forget_minutes')).toBeGreaterThan(3.9);
    // One that nobody ever ran is late since this process began, not for ever on time.
    expect(await lateness('requeue_expired')).toBeGreaterThan(0);
  });

  it('keeps the last success where a later run fails', async () => {
    await keeper.housekeeping.run('sweep_queued');
    await database.sql.query('alter table postern.events rename to events_away');
    await keeper.housekeeping.run('sweep_queued');
    await database.sql.query('alter table postern.events_away rename to events');
    const { rows } = await database.sql.query<{ last_error: string; kept: boolean }>(
      `select last_error, last_success_at < last_run_at as kept from postern.housekeeping_runs where name = 'sweep_queued'`,
    );
    expect(rows).toEqual([{ last_error: expect.stringContaining('does not exist'), kept: true }]);
  });
});
