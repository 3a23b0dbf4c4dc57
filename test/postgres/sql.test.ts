import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isDatabaseError, isDataError, sqlOf, withTransaction } from '../../src/postgres/sql.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.sql.query(
    'create table postern.notes (id int primary key, refers int references postern.notes deferrable initially deferred)',
  );
  await database.sql.query('grant all on postern.notes to postern_app');
});
afterAll(() => database.drop());

const thrown = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('withTransaction', () => {
  it('commits what was done and gives back the value', async () => {
    const value = await withTransaction(database.appPool, async (tx) => {
      await tx.query('insert into postern.notes values (1)');
      return 'done';
    });
    expect(value).toBe('done');
    expect((await database.sql.query('select id from postern.notes where id = 1')).rowCount).toBe(1);
  });

  it('undoes everything on a throw and throws that error', async () => {
    const error = await thrown(
      withTransaction(database.appPool, async (tx) => {
        await tx.query('insert into postern.notes values (2)');
        throw new Error('ours');
      }),
    );
    expect(error).toMatchObject({ message: 'ours' });
    expect((await database.sql.query('select id from postern.notes where id = 2')).rowCount).toBe(0);
  });

  it('is no success when a statement failed unnoticed: COMMIT then answers ROLLBACK', async () => {
    const error = await thrown(
      withTransaction(database.appPool, async (tx) => {
        await tx.query('insert into postern.notes values (3)');
        await thrown(tx.query('select 1 / 0'));
      }),
    );
    expect(error).toMatchObject({ code: 'internal', message: expect.stringContaining('ROLLBACK') });
    expect((await database.sql.query('select id from postern.notes where id = 3')).rowCount).toBe(0);
  });

  it('passes on what a deferred constraint says at COMMIT, as an error of the data', async () => {
    const error = await thrown(
      withTransaction(database.appPool, (tx) => tx.query('insert into postern.notes values (4, 99)')),
    );
    expect(isDataError(error)).toBe(true);
  });

  it('survives a connection that dies under it, and does not give that connection to the next', async () => {
    const error = await thrown(
      withTransaction(database.appPool, async (tx) => {
        const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
        await database.sql.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
        await tx.query('insert into postern.notes values (5)');
      }),
    );
    expect(isDatabaseError(error)).toBe(true);
    expect(isDataError(error)).toBe(false);
    expect(await withTransaction(database.appPool, async () => 'fine')).toBe('fine');
  });
});

describe('values', () => {
  it('int8 is a bigint beyond what a number holds, alone and in arrays', async () => {
    const { rows } = await database.sql.query(
      `select 9007199254740993::int8 as one, array[9007199254740993, null]::int8[] as many, '{}'::int8[] as none`,
    );
    expect(rows).toEqual([{ one: 9_007_199_254_740_993n, many: [9_007_199_254_740_993n, null], none: [] }]);
  });

  it('timestamptz is a Date', async () => {
    const { rows } = await database.sql.query(`select '2026-01-02T03:04:05.678Z'::timestamptz as at`);
    expect(rows).toEqual([{ at: new Date('2026-01-02T03:04:05.678Z') }]);
  });
});

describe('whose fault an error is', () => {
  it.each([
    ['select 1 / 0', true, false],
    ["select 'x'::int", true, false],
    ["select repeat('x', 2000000000)", true, false],
    ['insert into postern.notes values (6), (6)', true, false],
    ['select nothing', false, false],
    ['set local statement_timeout = 10; select pg_sleep(1)', false, true],
  ])('%s', async (text, data, database_) => {
    const error = await thrown(database.sql.query(text));
    expect([isDataError(error), isDatabaseError(error)]).toEqual([data, database_]);
  });

  it('what Node says of a connection counts as the database’s', () => {
    expect(isDatabaseError(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))).toBe(true);
    expect(isDatabaseError(new Error('Connection terminated unexpectedly'))).toBe(true);
    expect(isDatabaseError(new Error('Query read timeout'))).toBe(true);
    expect(isDatabaseError(new TypeError('x is not a function'))).toBe(false);
  });
});

describe('pools', () => {
  it('run as postern_app with the settings of each, and refuse what that role may not', async () => {
    const pools = database.pools();
    const settings = async (pool: keyof typeof pools & ('intake' | 'worker' | 'api' | 'boss')) =>
      (
        await sqlOf(pools[pool]).query(
          `select current_user::text as who, current_setting('statement_timeout') as timeout,
             current_setting('synchronous_commit') as durable, current_setting('application_name') as name`,
        )
      ).rows[0];
    expect(await settings('intake')).toEqual({
      who: 'postern_app',
      timeout: '2500ms',
      durable: 'on',
      name: 'postern intake',
    });
    expect(await settings('worker')).toMatchObject({ who: 'postern_app', durable: 'on' });
    expect(await settings('api')).toMatchObject({ who: 'postern_app', timeout: '30s' });
    expect(await settings('boss')).toMatchObject({ who: 'postern_app' });
    await pools.end();
  });
});
