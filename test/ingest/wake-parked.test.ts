import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { parkedUnder } from '../../src/ingest/interpret.ts';
import { wakeParked } from '../../src/ingest/wake-parked.ts';
import type { Pools } from '../../src/postgres/pools.ts';
import { type Sql, type Tx, withTransaction } from '../../src/postgres/sql.ts';
import { stripe } from '../../src/providers/stripe/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const PARKED = 20_000;
const clock = { now: () => Date.now() };
const queue = { send: async () => undefined, fetch: async () => [], complete: async () => undefined };
let database: TestDatabase;
let pools: Pools;
let endpoint: Endpoint;

beforeAll(async () => {
  database = await createTestDatabase();
  pools = database.pools();
  const { rows } = await database.sql.query<{ id: number }>(
    `insert into postern.endpoints (provider, name, account) values ('stripe', 'parked', 'a') returning id`,
  );
  const about = { name: 'parked', account: 'a', settings: {}, disabled: false, secrets: [] };
  endpoint = { id: rows[0]?.id ?? 0, provider: stripe, ...about };
  await database.sql.query(
    `insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, body_sha256, type, account, status,
       waiting_for, waiting_key, reason)
     select gen_random_uuid(), gen_random_uuid(), now(), $1, 0, 'e' || n, '', 'x', 'a', 'deferred', 'adapter', $2, 'unknown'
     from generate_series(1, $3::int) n`,
    [endpoint.id, parkedUnder('adapter', endpoint), PARKED],
  );
  await database.sql.query('analyze postern.events');
});
afterAll(() => database.drop());

type Plan = { readonly 'Index Name'?: string; readonly 'Actual Rows'?: number; readonly Plans?: readonly Plan[] };

const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

/** What a turn that finds these endpoints reads: the rows of each index, as Postgres counts them. */
async function readBy(endpoints: readonly Endpoint[]): Promise<Map<string, number>> {
  const read = new Map<string, number>();
  await withTransaction(pools.worker, async (tx) => {
    const explaining: Sql = {
      async query(statement, values) {
        const text = typeof statement === 'string' ? statement : statement.text;
        const { rows } = await tx.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(
          `explain (analyze, format json) ${text}`,
          values,
        );
        for (const { 'Index Name': index = 'none', 'Actual Rows': count = 0 } of nodesOf(
          rows[0]?.['QUERY PLAN'][0]?.Plan ?? {},
        ))
          if (index !== 'none') read.set(index, Math.max(read.get(index) ?? 0, count));
        return { rows: [], rowCount: 0, command: '' };
      },
    };
    await wakeParked(explaining as Tx, { endpoints, queue, clock });
    throw new Error('undone');
  }).catch((error: unknown) => expect(String(error)).toContain('undone'));
  return read;
}

it('reads nothing of what stays parked, however much it is', async () => {
  const read = await readBy([endpoint]);
  expect([...read.keys()]).toContain('events_parked');
  expect(Math.max(...read.values())).toBe(0);
});

it('reads no more than it wakes where an adapter has learned, a bounded number a turn', async () => {
  const learned = { ...endpoint, provider: { ...stripe, normaliserVersion: stripe.normaliserVersion + 1 } };
  expect(Math.max(...(await readBy([learned])).values())).toBeLessThanOrEqual(1_000);
  const woken = await withTransaction(pools.worker, (tx) => wakeParked(tx, { endpoints: [learned], queue, clock }));
  expect(woken).toBe(1_000);
});
