import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { removeOldBodies } from '../../src/ingest/body-removal.ts';
import { createHousekeeping, type HousekeepingParts } from '../../src/ingest/housekeeping.ts';
import { createMetrics } from '../../src/metrics.ts';
import { withSettings } from '../../src/postgres/address.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { createPools } from '../../src/postgres/pools.ts';
import { type Sql, sqlOf, sqlTypes } from '../../src/postgres/sql.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { createOldDays, lastError, type OldDays, oldTables, RETENTION_DAYS, tableOf } from '../support/old-days.ts';
import type { Pipeline } from '../support/pipeline.ts';
import { makeStubEndpoint } from '../support/stub-endpoint.ts';

const AGO = 50;
const TABLE = tableOf(AGO);
let database: TestDatabase;
let old: OldDays;
let today: Pipeline;
/** A session of somebody else's, with a transaction of its own. */
let other: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  old = createOldDays(database);
  old.endpoints.push(await makeStubEndpoint(database.sql, 'stub'));
  today = await old.today();
});
afterAll(async () => {
  await today.stop();
  await database.drop();
});
beforeEach(async () => {
  other = new pg.Client({ connectionString: database.url });
  await other.connect();
  await old.ago(AGO, (past) => deliver(past, 1).then(() => undefined), { worked: false });
  await database.sql.query(
    'set session_replication_role = replica; delete from postern.audit_log; set session_replication_role = origin',
  );
});
afterEach(async () => {
  await other.end();
  await settle();
});

/** Nothing of the past is left for the next test. */
async function settle(): Promise<void> {
  for (let turn = 1; turn <= 2; turn += 1) await today.housekeeping.run('remove_bodies');
  expect([await lastError(database.sql), await oldTables(database.sql)]).toEqual([null, {}]);
}

let sent = 0;
async function deliver(pipeline: Pipeline, count: number): Promise<number> {
  const [endpoint] = old.endpoints;
  if (endpoint === undefined) throw new Error('no endpoint');
  const answers = await Promise.all(
    Array.from({ length: count }, () => {
      sent += 1;
      return pipeline.deliver(endpoint, JSON.stringify({ events: [{ id: `e${sent}` }] }));
    }),
  );
  return answers.reduce((sum, answer) => sum + answer.stored, 0);
}

const removedDays = async (): Promise<number> =>
  (await database.sql.query(`select 1 from postern.audit_log where action = 'deliveries.removed'`)).rowCount;

/** As itself for what only the owner may. */
const asOwner = async (statement: string): Promise<void> => {
  await other.query(`set role postern_owner`);
  await other.query(statement);
  await other.query('reset role');
};

describe('a day that somebody reads', () => {
  it('is left half detached, said so, and goes at a later turn; intake and other days do not wait', async () => {
    await database.sql.query(`drop table postern.${tableOf(-14)}`);
    await other.query('begin');
    await other.query('select count(*) from postern.deliveries');
    const turn = today.housekeeping.run('remove_bodies');
    const begun = performance.now();
    // All the while, in groups one after the other.
    for (let group = 1; group <= 20; group += 1) expect(await deliver(today, 10)).toBe(10);
    const tookMs = performance.now() - begun;
    await turn;
    expect(tookMs).toBeLessThan(2_000);
    expect(await lastError(database.sql)).toMatch(
      /^in use, tried again at the next turn: deliveries_\d+ \(.*lock timeout/,
    );
    expect(Object.values(await oldTables(database.sql))).toContain('pending');

    // Partitions are made ahead as ever.
    await today.housekeeping.run('make_partitions');
    expect((await database.sql.query(`select 'postern.${tableOf(-14)}'::regclass`)).rowCount).toBe(1);

    await today.housekeeping.run('remove_bodies');
    expect(await lastError(database.sql)).toMatch(/tried again/);
    expect(await removedDays()).toBe(0);
    await other.query('commit');
    // The pending one is finished, then the days behind it.
    await today.housekeeping.run('remove_bodies');
    expect(await lastError(database.sql)).toBeNull();
    expect(new Set(Object.values(await oldTables(database.sql)))).toEqual(new Set(['detached']));
    await settle();
    expect(await removedDays()).toBe(3);
  });

  it('stays whole while a vacuum holds it', async () => {
    await other.query('begin');
    await asOwner(`lock table postern.${TABLE} in share update exclusive mode`);
    await today.housekeeping.run('remove_bodies');
    expect(await lastError(database.sql)).toContain(TABLE);
    expect((await oldTables(database.sql))[TABLE]).toBe('attached');
    await other.query('commit');
  });

  it('is not dropped while somebody reads its table by name', async () => {
    await today.housekeeping.run('remove_bodies');
    await other.query('begin');
    await asOwner(`lock table postern.${TABLE} in access share mode`);
    await today.housekeeping.run('remove_bodies');
    expect(await lastError(database.sql)).toContain(TABLE);
    expect(await oldTables(database.sql)).toEqual({ [TABLE]: 'detached' });
    await other.query('commit');
  });
});

describe('a removal that was broken off', () => {
  it('goes on where its session was killed, with what it kept readable meanwhile', async () => {
    await other.query('begin');
    await other.query('select count(*) from postern.deliveries');
    const turn = today.housekeeping.run('remove_bodies');
    await eventually(
      async () => {
        expect(Object.values(await oldTables(database.sql))).toContain('pending');
        await database.sql.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and application_name = 'postern owner'`,
        );
      },
      { everyMs: 5 },
    );
    await turn;
    expect(await lastError(database.sql)).not.toBeNull();
    await other.query('commit');

    today.worker.start();
    await eventually(async () => {
      expect((await database.sql.query(`select 1 from postern.events where status <> 'no_effect'`)).rowCount).toBe(0);
    });
    await today.worker.stop();
    await today.stop();
    today = await old.today();
    await settle();
    expect(await removedDays()).toBe(3);
  });

  it('drops a table found detached, but none that somebody detached to keep it', async () => {
    await asOwner(`alter table postern.deliveries detach partition postern.${TABLE}`);
    await today.housekeeping.run('remove_bodies');
    await today.housekeeping.run('remove_bodies');
    expect(await oldTables(database.sql)).toEqual({ [TABLE]: 'detached' });
    await database.sql.query(
      `insert into postern.removed_days (day) values (to_date(right($1, 8), 'YYYYMMDD')) on conflict (day) do update set removed_at = null`,
      [TABLE],
    );
    await today.housekeeping.run('remove_bodies');
    expect(await oldTables(database.sql)).toEqual({});
  });

  it('is noted as done where somebody dropped the table by hand', async () => {
    await today.housekeeping.run('remove_bodies');
    await asOwner(`drop table postern.${TABLE}`);
    await today.housekeeping.run('remove_bodies');
    const { rows } = await database.sql.query('select day from postern.removed_days where removed_at is null');
    expect(rows).toEqual([]);
  });
});

describe('a removal that dies', () => {
  /** Two turns in a session that is lost before its n-th statement. Returns whether it came to that. */
  async function diesBefore(statement: number): Promise<boolean> {
    const client = new pg.Client({
      connectionString: withSettings(database.url, { role: 'postern_owner' }),
      types: sqlTypes,
    });
    await client.connect();
    let left = statement;
    const mortal: Sql = {
      query(text, values) {
        left -= 1;
        if (left <= 0) throw new Error('died');
        return sqlOf(client).query(text, values);
      },
    };
    try {
      const options = { retentionDays: RETENTION_DAYS, log: database.log, stopping: () => false };
      await removeOldBodies(mortal, options);
      await removeOldBodies(mortal, options);
      return false;
    } catch (error) {
      if (error instanceof Error && error.message === 'died') return true;
      throw error;
    } finally {
      await client.end();
    }
  }

  /** A delivery of that day whose event is queued still, and one that is done with. */
  async function makeOldDay(): Promise<void> {
    await database.sql.query(`select postern.ensure_delivery_partitions(1, (now() at time zone 'utc')::date - ${AGO})`);
    const now = Date.now() - AGO * 86_400_000;
    for (const status of ['queued', 'no_effect']) {
      const id = uuidv7(now);
      const values = [id, new Date(now), uuidv7(now), status];
      await database.sql.query(
        `with body as (
           insert into postern.deliveries values ($1::uuid, $2, 1, 'POST', '/', 'x', '[]', 'bytes', 'body', null)
         )
         insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, body_sha256, type, account, status)
         values ($3::uuid, $1::uuid, $2, 1, 0, $3::uuid::text, sha256('bytes'), 'stub', 'stub', $4)`,
        values,
      );
    }
  }

  async function queuedWithoutBody(): Promise<number> {
    const { rowCount } = await database.sql.query(
      `select 1 from postern.events e where status = 'queued'
         and not exists (select from postern.deliveries d where d.id = e.delivery_id and d.received_at = e.received_at)
         and not exists (select from postern.deliveries_kept d where d.id = e.delivery_id)`,
    );
    return rowCount;
  }

  it('before any of its statements loses nothing that is needed, and a later turn ends it', {
    timeout: 60_000,
  }, async () => {
    let died = true;
    let statement = 0;
    while (died) {
      statement += 1;
      await makeOldDay();
      died = await diesBefore(statement);
      expect([statement, await queuedWithoutBody()]).toEqual([statement, 0]);
      await settle();
      expect([statement, await queuedWithoutBody()]).toEqual([statement, 0]);
    }
    expect(statement).toBeGreaterThan(20);
    const { rows } = await database.sql.query('select day from postern.removed_days where removed_at is null');
    expect(rows).toEqual([]);
  });

  it('leaves the rest to the next turn when the gateway stops', async () => {
    const options = { retentionDays: RETENTION_DAYS, log: database.log };
    await other.query('set role postern_owner');
    for (let asked = 0; asked < 3; asked += 1) {
      let times = 0;
      await removeOldBodies(sqlOf(other), {
        ...options,
        stopping: () => {
          times += 1;
          return times > asked;
        },
      });
      expect(new Set(Object.values(await oldTables(database.sql)))).toEqual(new Set(['attached']));
    }
  });
});

describe('two instances', () => {
  it('remove a day once, whichever comes first', async () => {
    const second = await old.today();
    for (let turn = 1; turn <= 3; turn += 1) {
      await Promise.all([today, second].map((one) => one.housekeeping.run('remove_bodies')));
      expect(await lastError(database.sql)).toBeNull();
    }
    await second.stop();
    expect(await oldTables(database.sql)).toEqual({});
    expect(await removedDays()).toBe(3);
  });

  it('leave the task to the one that has it, and do not note a run that was none', async () => {
    const { rows } = await other.query(
      `select pg_advisory_lock(hashtextextended('postern.housekeeping.remove_bodies', 0))`,
    );
    expect(rows).toHaveLength(1);
    const noted = () => database.sql.query(`select * from postern.housekeeping_runs where name = 'remove_bodies'`);
    const before = (await noted()).rows;
    await today.housekeeping.run('remove_bodies');
    expect((await noted()).rows).toEqual(before);
    expect(Object.values(await oldTables(database.sql))).not.toContain('detached');
    await other.query('select pg_advisory_unlock_all()');
  });
});

describe('who may remove', () => {
  function housekeepingOf(url: string, role: 'postern_app' | null, queue: HousekeepingParts['queue']) {
    const pools = createPools(url, { log: database.log, role });
    const keeper = createHousekeeping({
      pool: pools.worker,
      owner: pools.owner,
      queue,
      endpoints: { all: () => [] },
      providers: new Map(),
      retentionDays: RETENTION_DAYS,
      clearImports: async () => undefined,
      forgetFetches: async () => undefined,
      clock: { now: Date.now },
      log: database.log,
      metrics: createMetrics({ process: false }),
    });
    return { keeper, end: () => pools.end() };
  }

  it('needs the owner’s role, and says so where the login lacks it', async () => {
    const login = `limited_${process.pid}`;
    await database.sql.query(`create role ${login} login password 'limited'`);
    await database.sql.query(`grant postern_app to ${login}`);
    const url = database.url.replace(/\/\/[^@]*@/, `//${login}:limited@`);
    const { keeper, end } = housekeepingOf(url, 'postern_app', today.queue);
    await keeper.run('remove_bodies');
    await end();
    expect(await lastError(database.sql)).toMatch(/may not act as the owner.*grant postern_owner to it/);
    expect(await removedDays()).toBe(0);
    await database.sql.query(`drop role ${login}`);
  });

  it('works for a login without roles, whose own the tables are', async () => {
    const login = `plain_${process.pid}`;
    const plain = await createTestDatabase({ migrated: false });
    await plain.sql.query(`create role ${login} login password 'plain'`);
    await plain.sql.query(`alter database ${plain.name} owner to ${login}`);
    const url = plain.url.replace(/\/\/[^@]*@/, `//${login}:plain@`);
    expect((await migrate({ url, log: plain.log })).role).toBeNull();
    await plain.sql.query(`select postern.ensure_delivery_partitions(1, (now() at time zone 'utc')::date - ${AGO})`);
    expect(Object.keys(await oldTables(plain.sql))).toHaveLength(3);
    const { keeper, end } = housekeepingOf(url, null, today.queue);
    await keeper.run('remove_bodies');
    await keeper.run('remove_bodies');
    await keeper.run('forget_events');
    await end();
    expect([await lastError(plain.sql), await oldTables(plain.sql)]).toEqual([null, {}]);
    await plain.drop();
    await database.sql.query(`drop role ${login}`);
  });
});
