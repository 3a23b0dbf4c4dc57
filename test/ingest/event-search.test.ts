import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fillEvents } from '../../bench/fill-events.ts';
import type { EventFilter } from '../../src/ingest/event-filter.ts';
import { selectEventIds } from '../../src/ingest/event-filter-store.ts';
import { type Sql, txOf } from '../../src/postgres/sql.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/*
 * Whether a search reads a page and not all there is. On ten million events a plan that sorts, or walks the primary key for
 * what is rare, takes seconds; here it is seen by the rows that it reads.
 */
const EVENTS = 20_000;
const PAGE = 20;
/** A page of each of four endpoints, in two states, and what is read beside it. */
const READ_MAX = 8 * PAGE + 60;
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  const pool = new pg.Pool({ connectionString: database.url, max: 1 });
  try {
    await fillEvents(pool, { from: 0, to: EVENTS }, () => undefined);
  } finally {
    await pool.end();
  }
});
afterAll(() => database.drop());

type Plan = {
  readonly 'Index Name'?: string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Actual Loops'?: number;
  readonly Plans?: readonly Plan[];
};

const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

/** The most rows that one scan read for the first page, and for one after it. */
async function read(filter: EventFilter, beyond: string | null): Promise<number> {
  const client = await database.appPool.connect();
  let most = 0;
  try {
    await client.query('begin');
    // So few that Postgres would rather read all of them.
    await client.query('set local enable_seqscan = off');
    const tx = txOf(client);
    const explaining: Sql = {
      async query(statement, values) {
        const text = typeof statement === 'string' ? statement : statement.text;
        const { rows } = await tx.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(
          `explain (analyze, format json) ${text}`,
          values,
        );
        for (const node of nodesOf(rows[0]?.['QUERY PLAN'][0]?.Plan ?? {})) {
          if (node['Index Name'] === undefined && node['Relation Name'] === undefined) continue;
          const each = (node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0);
          most = Math.max(most, each * (node['Actual Loops'] ?? 1));
        }
        return { rows: [], rowCount: 0, command: '' };
      },
    };
    await selectEventIds(explaining, filter, { order: 'newest', beyond, limit: PAGE });
  } finally {
    await client.query('rollback');
    client.release();
  }
  return most;
}

it.each<[string, EventFilter]>([
  ['the newest', {}],
  ['a common type', { type: 'charge.succeeded' }],
  ['a type that is a fifth of all', { type: 'charge.legacy' }],
  ['… of one endpoint', { type: 'charge.legacy', provider: 'adyen', endpoint: 'search' }],
  ['an endpoint of which one in a hundred is', { provider: 'stripe', endpoint: 'silent' }],
  ['a processor', { provider: 'stripe' }],
  ['a processor on a day', { provider: 'stripe', from: '2026-01-01T02:00:00Z', to: '2026-01-01T09:00:00Z' }],
  ['what is posted of a processor', { provider: 'paypal', status: 'posted' }],
  ['a customer whom a tenth of all name', { reference: 'cus_everybody' }],
  ['a customer and a day', { reference: 'cus_everybody', to: '2026-01-01T06:00:00Z' }],
  ['an amount that a fortieth of all have', { amount: '999' }],
  ['… with its currency', { amount: '999', currency: 'USD' }],
  ['dead letters', { status: 'dead' }],
])('reads a page and not all there is: %s', async (_what, filter) => {
  const [beyond = null] = await selectEventIds(database.app, filter, { order: 'newest', beyond: null, limit: 1 });
  expect(beyond).not.toBeNull();
  expect(await read(filter, null)).toBeLessThanOrEqual(READ_MAX);
  expect(await read(filter, beyond)).toBeLessThanOrEqual(READ_MAX);
});
