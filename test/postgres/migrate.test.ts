import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withDatabase } from '../../src/postgres/address.ts';
import { createBoss } from '../../src/postgres/boss.ts';
import { checkSchema } from '../../src/postgres/check-schema.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { readMigrations } from '../../src/postgres/migration-files.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

describe('migrate', () => {
  it('finds nothing to do on a current database, even when two run at once', async () => {
    const both = await Promise.all([1, 2].map(() => migrate({ url: database.url, log: database.log })));
    expect(both.map((outcome) => outcome.applied)).toEqual([[], []]);
    expect(both[0]?.role).toBe('postern_app');
  });

  it('brings an empty database up to date once, when two start together', async () => {
    const empty = await createTestDatabase({ migrated: false });
    const both = await Promise.all([1, 2].map(() => migrate({ url: empty.url, log: empty.log })));
    expect(both.map((outcome) => outcome.applied.length).sort()).toEqual([0, readMigrations().length]);
    await empty.drop();
  });

  it('leaves everything to postern_owner, and nothing to the login', async () => {
    const { rows } = await database.sql.query<{ owner: string }>(
      `select distinct pg_get_userbyid(relowner)::text as owner from pg_class c join pg_namespace n on n.oid = relnamespace
       where nspname in ('postern', 'pgboss')`,
    );
    expect(rows).toEqual([{ owner: 'postern_owner' }]);
  });

  it('gives the gateway no right to change the schema', async () => {
    await expect(database.app.query('create table postern.intruder ()')).rejects.toThrow(/permission denied/);
    await expect(database.app.query('alter table pgboss.job add column x int')).rejects.toThrow(/must be owner/);
    await expect(database.app.query('truncate postern.events')).rejects.toThrow(/permission denied/);
    await expect(database.app.query('update postern.audit_log set actor = null')).rejects.toThrow(/permission denied/);
  });

  it('refuses a file that is not the one applied', async () => {
    const changed = readMigrations().map((file, index) => (index === 0 ? { ...file, sha256: 'other' } : file));
    await expect(migrate({ url: database.url, log: database.log, migrations: changed })).rejects.toMatchObject({
      code: 'database_schema',
      message: expect.stringContaining('0001-foundation.sql is not the file that was applied'),
    });
  });

  it('accepts a schema one release newer, refuses one two releases newer', async () => {
    const add = (name: string, release: number) =>
      database.sql.query('insert into postern.migrations (name, sha256, release) values ($1, $2, $3)', [
        name,
        'x',
        release,
      ]);
    const own = Math.max(...readMigrations().map(({ release }) => release));
    await add('9001-next.sql', own + 1);
    expect((await migrate({ url: database.url, log: database.log })).applied).toEqual([]);
    await add('9002-after-next.sql', own + 2);
    await expect(migrate({ url: database.url, log: database.log })).rejects.toMatchObject({ code: 'database_schema' });
    await database.sql.query(`delete from postern.migrations where name like '9%'`);
  });

  it('undoes a file that fails, and says which', async () => {
    const broken = {
      name: '9003-broken.sql',
      text: 'create table postern.half (); select 1 / 0;',
      sha256: 'y',
      release: 1,
      transaction: true,
    };
    await expect(
      migrate({ url: database.url, log: database.log, migrations: [...readMigrations(), broken] }),
    ).rejects.toThrow(/9003-broken.sql failed: division by zero/);
    const { rows } = await database.sql.query(`select to_regclass('postern.half') as half`);
    expect(rows).toEqual([{ half: null }]);
  });

  it('runs a file without a transaction statement by statement', async () => {
    const concurrently = {
      name: '9004-index.sql',
      text: 'create index concurrently if not exists tmp_a on postern.events (type);\ncreate index concurrently if not exists tmp_b on postern.events (account);\n',
      sha256: 'z',
      release: 1,
      transaction: false,
    };
    const outcome = await migrate({
      url: database.url,
      log: database.log,
      migrations: [...readMigrations(), concurrently],
    });
    expect(outcome.applied).toEqual(['9004-index.sql']);
    await database.sql.query(`delete from postern.migrations where name like '9%'`);
  });

  it('makes an index concurrently while another waits to migrate, and neither ends the other', async () => {
    const empty = await createTestDatabase({ migrated: false });
    const concurrently = {
      name: '9005-index.sql',
      text: 'create index concurrently if not exists tmp_c on postern.events (type);\n',
      sha256: 'c',
      release: 2,
      transaction: false,
    };
    const migrations = [...readMigrations(), concurrently];
    const both = await Promise.all([1, 2].map(() => migrate({ url: empty.url, log: empty.log, migrations })));
    expect(both.map((outcome) => outcome.applied.length).sort()).toEqual([0, migrations.length]);
    await empty.drop();
  });

  it('makes an index anew whose concurrent making failed, instead of taking the broken one for done', async () => {
    const empty = await createTestDatabase({ migrated: false });
    const unique = {
      name: '9006-unique.sql',
      text: 'create unique index concurrently if not exists tmp_d on postern.certificates (pem);\n',
      sha256: 'd',
      release: 2,
      transaction: false,
    };
    await migrate({ url: empty.url, log: empty.log });
    await empty.sql.query(
      `insert into postern.certificates (url, pem, fetched_at, expires_at) select url, 'same', now(), now() from unnest('{a,b}'::text[]) url`,
    );
    const again = () => migrate({ url: empty.url, log: empty.log, migrations: [...readMigrations(), unique] });
    await expect(again()).rejects.toThrow(/9006-unique.sql failed: could not create unique index/);
    await empty.sql.query(`delete from postern.certificates where url = 'b'`);
    expect((await again()).applied).toEqual(['9006-unique.sql']);
    const { rows } = await empty.sql.query(
      `select indisvalid as valid from pg_index where indexrelid = 'postern.tmp_d'::regclass`,
    );
    expect(rows).toEqual([{ valid: true }]);
    await empty.drop();
  });

  it('works without the right to make roles: the tables are the login’s, and the outcome says what is missing', async () => {
    const plain = await createTestDatabase({ migrated: false });
    await plain.sql.query(`create role plain_${process.pid} login password 'plain'`);
    await plain.sql.query(`alter database ${plain.name} owner to plain_${process.pid}`);
    const url = plain.url.replace(/\/\/[^@]*@/, `//plain_${process.pid}:plain@`);
    const outcome = await migrate({ url, log: plain.log });
    expect(outcome.role).toBeNull();
    expect(outcome.limited).toMatch(/permission denied|must have/);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(`insert into postern.audit_log (actor, action, subject) values ('a', 'b', 'c')`);
    await client.end();
    await plain.drop();
    await database.sql.query(`drop role plain_${process.pid}`);
  });
});

describe('checking without migrating', () => {
  it('accepts a current schema', async () => {
    expect(await checkSchema(database.url)).toMatchObject({ role: 'postern_app' });
  });

  it('refuses an older one with the command to run', async () => {
    const empty = await createTestDatabase({ migrated: false });
    await expect(migrate({ url: empty.url, log: empty.log, only: 'check' })).rejects.toMatchObject({
      code: 'database_schema',
      message: expect.stringMatching(/^the database lacks 0001-foundation\.sql, [^\n]*npx postern migrate[^\n]*$/),
    });
    await empty.drop();
  });
});

describe('a server that cannot be used', () => {
  it('is tried for the time given, then refused in one line without the password', async () => {
    const url = 'postgresql://me:geheim@127.0.0.1:1/payments';
    const begun = performance.now();
    const error: unknown = await migrate({ url, log: database.log, waitS: 0.6 }).catch((thrown: unknown) => thrown);
    expect(performance.now() - begun).toBeGreaterThan(500);
    expect(error).toMatchObject({
      code: 'database_unreachable',
      message: expect.stringContaining('127.0.0.1:1/payments'),
    });
    expect(String(error)).not.toMatch(/geheim|\n/);
  });

  it('is not waited for when waiting cannot help', async () => {
    const begun = performance.now();
    await expect(
      migrate({ url: withDatabase(database.url, 'no_such'), log: database.log, waitS: 10 }),
    ).rejects.toMatchObject({
      code: 'database_unreachable',
      message: expect.stringContaining('"no_such" does not exist'),
    });
    expect(performance.now() - begun).toBeLessThan(5_000);
  });
});

describe('the queue under the gateway’s role', () => {
  it('starts without migrating, takes a job, gives it, and keeps house', async () => {
    const pools = database.pools();
    const boss = createBoss(pools.boss, database.log);
    const errors: unknown[] = [];
    boss.on('error', (error) => errors.push(error));
    await boss.start();
    const id = await boss.send('events', { ids: ['a'] });
    const [job] = await boss.fetch<{ ids: string[] }>('events', { batchSize: 10 });
    expect(job).toMatchObject({ id, data: { ids: ['a'] } });
    await boss.complete('events', id ?? '');
    await boss.supervise();
    await boss.stop({ graceful: false });
    await pools.end();
    expect(errors).toEqual([]);
  });

  it('keeps its jobs in a table of their own with the settings of the design', async () => {
    const { rows } = await database.sql.query(
      `select partition, expire_seconds, deletion_seconds, retention_seconds, reloptions is not null as tuned
       from pgboss.queue join pg_class on relname = table_name where name = 'events'`,
    );
    expect(rows).toEqual([
      { partition: true, expire_seconds: 15, deletion_seconds: 3600, retention_seconds: 315_360_000, tuned: true },
    ]);
  });
});
