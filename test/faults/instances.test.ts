import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createRandom, shuffled } from '../../src/simulate/random.ts';
import { type Answered, addChargesEndpoint, charges, isAcknowledged, sendCharges } from '../support/charges.ts';
import { type ChildGateway, startChildGateway } from '../support/child-gateway.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { expectPostedOnce } from '../support/expect-posted.ts';

const SEED = process.env.INSTANCES_SEED ?? String(Date.now());
let database: TestDatabase;
let gateways: ChildGateway[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  await addChargesEndpoint(database.appPool);
});
afterEach(async () => {
  const running = gateways;
  gateways = [];
  await Promise.all(running.map((gateway) => gateway.stop()));
});
afterAll(async () => {
  await database.drop();
});

/** Two that serve and two that work. */
async function startFour(): Promise<readonly [ChildGateway, ChildGateway]> {
  const start = async (serve: boolean): Promise<ChildGateway> => {
    const gateway = await startChildGateway(database.url, { serve, work: !serve });
    gateways.push(gateway);
    return gateway;
  };
  const [first, second] = await Promise.all([start(true), start(true), start(false), start(false)]);
  if (first === undefined || second === undefined) throw new Error('a gateway is missing');
  return [first, second];
}

/** What a session counted is told to everybody when it ends, so this is asked once the gateways are gone. */
async function deadlocks(): Promise<bigint> {
  await eventually(
    async () => {
      const { rows } = await database.sql.query<{ n: bigint }>(
        `select count(*) as n from pg_stat_activity where datname = current_database() and application_name like 'postern %'`,
        [],
      );
      expect(rows[0]?.n).toBe(0n);
    },
    { timeoutMs: 10_000 },
  );
  const { rows } = await database.sql.query<{ deadlocks: bigint }>(
    'select deadlocks from pg_stat_database where datname = current_database()',
    [],
  );
  return rows[0]?.deadlocks ?? -1n;
}

describe(`two that serve and two that work (INSTANCES_SEED=${SEED})`, () => {
  it('post what both are sent at once, in other orders and again, exactly once and without a deadlock', async () => {
    process.stdout.write(`instances: INSTANCES_SEED=${SEED}\n`);
    const random = createRandom(SEED);
    const [first, second] = await startFour();
    const bodies = charges('both', 500);
    const order = (label: string): Map<string, string> => new Map(shuffled([...bodies], random.fork(label)));
    const reversed = (of: Map<string, string>): Map<string, string> => new Map([...of].reverse());
    const some = order('first');
    const answers: Answered[] = (
      await Promise.all([
        sendCharges(first.url, some, 64),
        sendCharges(second.url, reversed(some), 64),
        sendCharges(first.url, order('second'), 32),
        sendCharges(second.url, order('third'), 32),
      ])
    ).flat();
    expect(answers.filter((answer) => !isAcknowledged(answer))).toEqual([]);
    await expectPostedOnce(database.sql, bodies.keys());
    // Duplicates are counted within a second, not on the way to the answer.
    await eventually(async () => {
      const { rows } = await database.sql.query<{ events: bigint; duplicates: bigint }>(
        `select count(*) as events, sum(duplicates)::int8 as duplicates from postern.events where event_id like 'evt_bothx%'`,
        [],
      );
      expect(rows).toEqual([{ events: 500n, duplicates: 1_500n }]);
    });
    const running = gateways;
    gateways = [];
    await Promise.all(running.map((gateway) => gateway.stop()));
    expect(await deadlocks()).toBe(0n);
  }, 240_000);

  it('post within 60 s and once what was acknowledged while all jobs are deleted again and again', async () => {
    const [first, second] = await startFour();
    const acknowledged = new Set<string>();
    let sending = true;
    const bodies = charges('jobless', 300);
    const load = Promise.all(
      [first, second].map((gateway, half) =>
        sendCharges(gateway.url, new Map([...bodies].filter((_, n) => n % 2 === half)), 4),
      ),
    ).finally(() => {
      sending = false;
    });
    let deleted = 0;
    while (sending) deleted += (await database.sql.query('delete from pgboss.job', [])).rowCount;
    for (const answer of (await load).flat()) if (isAcknowledged(answer)) acknowledged.add(answer.id);
    expect(deleted).toBeGreaterThan(0);
    expect(acknowledged.size).toBe(bodies.size);
    await expectPostedOnce(database.sql, acknowledged, 60_000);
  }, 240_000);
});
