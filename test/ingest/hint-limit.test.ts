import { afterAll, beforeAll, expect, it } from 'vitest';
import { createHintLimit } from '../../src/ingest/hint-limit.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';

let database: TestDatabase;
let gateway: TestGateway;
const now = Date.now();

beforeAll(async () => {
  database = await createTestDatabase();
  // Its clock stands still: what passes is the burst alone.
  gateway = await startTestGateway(database, { now: () => now, work: false });
  await gateway.addEndpoint('mollie', 'classic', []);
  await gateway.addEndpoint('mollie', 'quiet', []);
  await gateway.addEndpoint('mollie', 'signed', ['a-secret-of-the-new-kind']);
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

const hint = (endpoint: string, id: string): Promise<Response> =>
  fetch(`${gateway.url}/webhooks/mollie/${endpoint}`, { method: 'POST', body: new URLSearchParams({ id }) });

const count = async (text: string): Promise<number> =>
  Number((await database.sql.query<{ n: bigint }>(`select count(*) as n from ${text}`)).rows[0]?.n);

it('stores no more than a burst of calls that nothing proves, and tells the processor to come again', async () => {
  const answers = [];
  for (let n = 0; n < 520; n += 20) {
    const some = await Promise.all(Array.from({ length: 20 }, (_, k) => hint('classic', `tr_invented${n + k}`)));
    answers.push(...some);
  }
  const refused = answers.filter(({ status }) => status !== 200);
  expect(refused.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 503));
  expect(refused[0]?.headers.get('retry-after')).toBe('5');
  expect(await count('postern.events')).toBe(500);
  expect(await count('postern.deliveries')).toBe(500);
  expect((await hint('quiet', 'tr_1')).status).toBe(200);
  const metrics = await (await gateway.api('/metrics')).text();
  expect(metrics).toContain('postern_shed_total{limit="hints"} 20');
});

it('takes none while too many of its endpoint wait, and others meanwhile', async () => {
  const { rows } = await database.sql.query<{ id: number; name: string }>('select id, name from postern.endpoints');
  const [full = 0, other = 0] = ['classic', 'quiet'].map((name) => rows.find((row) => row.name === name)?.id);
  const limit = createHintLimit({
    sql: database.sql,
    clock: { now: () => now },
    log: database.log,
    waitingMax: 3,
  });
  const defer = (most: number): Promise<unknown> =>
    database.sql.query(
      `update postern.events set status = 'deferred', waiting_for = 'object'
       where id in (select id from postern.events where endpoint_id = $1 and status = 'queued' limit $2)`,
      [full, most],
    );
  await defer(2);
  expect([limit.take(full), limit.take(other)]).toEqual([true, true]);
  await limit.look();
  expect(limit.take(full)).toBe(true);
  await defer(1);
  await limit.look();
  expect([limit.take(full), limit.take(other)]).toEqual([false, true]);
  await database.sql.query(
    `update postern.events set status = 'queued', waiting_for = null where endpoint_id = $1 and status = 'deferred'`,
    [full],
  );
  await limit.look();
  expect(limit.take(full)).toBe(true);
});

it('lets tokens come back with time, and a clock that was set back take none away', async () => {
  let clock = now;
  const limit = createHintLimit({ sql: database.sql, clock: { now: () => clock }, log: database.log });
  for (let n = 0; n < 500; n += 1) limit.take(1);
  expect(limit.take(1)).toBe(false);
  clock -= 60_000;
  expect(limit.take(1)).toBe(false);
  clock += 1_000;
  expect(Array.from({ length: 60 }, () => limit.take(1)).filter(Boolean)).toHaveLength(50);
});
