import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../../src/postgres/migrate.ts';
import { keepsSessions } from '../../src/postgres/pooler.ts';
import { createRandom } from '../../src/simulate/random.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { run } from '../support/launcher.ts';
import { hasPgbouncer, type Pgbouncer, startPgbouncer } from '../support/pgbouncer.ts';
import { TEST_KEYS } from '../support/test-keys.ts';

/** Two sessions on a pooler that chooses the server for each statement. */
function sessions(choose: (session: 'a' | 'b') => number): [() => Promise<number>, () => Promise<number>] {
  return [async () => choose('a'), async () => choose('b')];
}

describe('a pooler', () => {
  it('that gives each session a server keeps them', async () => {
    expect(await keepsSessions(...sessions((session) => (session === 'a' ? 4711 : 4712)))).toBe(true);
  });

  it('that lends its one idle server to whoever asks does not', async () => {
    expect(await keepsSessions(...sessions(() => 4711))).toBe(false);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('that takes %i servers in turn does not', async (servers) => {
    for (let first = 0; first < servers; first += 1) {
      let next = first;
      const inTurn = sessions(() => {
        next += 1;
        return next % servers;
      });
      expect(await keepsSessions(...inTurn)).toBe(false);
    }
  });

  it('that is busy and gives whichever server is free does not', async () => {
    const random = createRandom('busy pooler');
    for (let run = 0; run < 1_000; run += 1) {
      expect(await keepsSessions(...sessions(() => random.between(1, 2)))).toBe(false);
    }
  });

  it('that changes the server of one session only does not', async () => {
    let asked = 0;
    const restless = sessions((session) => {
      asked += 1;
      return session === 'b' ? 1 : asked > 8 ? 3 : 2;
    });
    expect(await keepsSessions(...restless)).toBe(false);
  });
});

describe.skipIf(!hasPgbouncer)('behind pgbouncer', () => {
  let database: TestDatabase;
  let pgbouncer: Pgbouncer | undefined;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await pgbouncer?.stop();
    pgbouncer = undefined;
  });
  afterAll(() => database.drop());

  it.each([
    ['in transaction mode', 'transaction', {}],
    ['in transaction mode that ignores session settings', 'transaction', { ignore_startup_parameters: 'options' }],
    [
      'in transaction mode that takes its servers in turn',
      'transaction',
      { ignore_startup_parameters: 'options', server_round_robin: '1', min_pool_size: '3' },
    ],
    ['in statement mode', 'statement', { ignore_startup_parameters: 'options' }],
  ])('%s start says so and stops, at once and in one line', async (_, mode, settings) => {
    pgbouncer = await startPgbouncer(database.url, { pool_mode: mode, ...settings });
    const { status, out, err } = await run(['start'], {
      DATABASE_URL: pgbouncer.url,
      PORT: '0',
      POSTERN_ENCRYPTION_KEYS: TEST_KEYS,
    });
    expect([status, out]).toEqual([1, '']);
    expect(err).toMatch(
      /^postern: the pooler at 127\.0\.0\.1:\d+\/pooled lends its connections by transaction, [^\n]+\n$/,
    );
  });

  it.each([
    ['refuses', {}],
    ['ignores', { ignore_startup_parameters: 'options' }],
  ])('in session mode that %s session settings: without them the ledger would be unprotected', async (_, settings) => {
    pgbouncer = await startPgbouncer(database.url, { pool_mode: 'session', ...settings });
    await expect(migrate({ url: pgbouncer.url, log: database.log })).rejects.toMatchObject({
      code: 'database_unsupported',
      message: expect.stringMatching(/^the pooler at 127\.0\.0\.1:\d+\/pooled drops the settings of a session/),
    });
  });
});
