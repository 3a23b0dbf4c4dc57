import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rederive } from '../../src/ingest/rederive/rederive.ts';
import { wholeLives } from '../../src/simulate/traffic.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { createPipeline } from '../support/pipeline.ts';
import { makeSimulatedEndpoints, POSTING, SIMULATED_ACCOUNT, type SimulatedEndpoints } from './simulated-traffic.ts';

let database: TestDatabase;
let simulated: SimulatedEndpoints;

const EVENTS = 12_000;
const AT_ONCE = 200;
const MB = 1_048_576;

beforeAll(async () => {
  database = await createTestDatabase();
  simulated = await makeSimulatedEndpoints(database);
  const pipeline = await createPipeline(database, () => simulated.all);
  pipeline.worker.start();
  let sent = 0;
  for (let seed = 1; sent < EVENTS; seed += 1) {
    for (const provider of POSTING) {
      const lives = wholeLives(provider, {
        seed: `memory ${seed}`,
        count: 50,
        startedAt: Date.UTC(2026, 0, 15, 12),
        account: SIMULATED_ACCOUNT,
      });
      const requests = lives.flatMap((life) => life.requests);
      for (let n = 0; n < requests.length; n += AT_ONCE) {
        await Promise.all(requests.slice(n, n + AT_ONCE).map((request) => simulated.send(pipeline, request)));
      }
      sent += requests.length;
    }
  }
  await eventually(
    async () => {
      const { rows } = await database.sql.query(`select from postern.events where status = 'queued' limit 1`);
      expect(rows).toEqual([]);
    },
    { timeoutMs: 200_000 },
  );
  await pipeline.stop();
}, 300_000);
afterAll(() => database.drop());

it('needs no more memory for twelve thousand events than for three thousand', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const used: { events: number; mb: number }[] = [];
  const pools = database.pools();
  const client = pools.reader();
  await client.connect();
  const found = rederive(
    { client, endpoints: { byId: (id) => simulated.all.find((one) => one.id === id) } },
    {
      from: 0,
      to: Date.now() + 1_000,
      endpoints: null,
      limit: Number.MAX_SAFE_INTEGER,
      onProgress({ events }) {
        if (events - (used.at(-1)?.events ?? 0) < 3_000) return;
        collect();
        used.push({ events, mb: Math.round(process.memoryUsage().heapUsed / MB) });
      },
    },
  );
  const end = await found.next();
  await client.end();
  await pools.end();
  expect(end).toMatchObject({ done: true, value: { missing: 0, extra: 0, different: 0, not_comparable: 0 } });
  expect(used.length).toBeGreaterThan(2);
  // Ids of events that were compared are remembered, up to fifty thousand: some MB in all.
  expect((used.at(-1)?.mb ?? 0) - (used[0]?.mb ?? 0)).toBeLessThan(8);
}, 300_000);
