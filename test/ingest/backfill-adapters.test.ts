import { afterAll, beforeAll, expect, it } from 'vitest';
import { selectBackfillEvents, selectBackfills } from '../../src/api/backfill-store.ts';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { insertBackfill } from '../../src/ingest/backfill-store.ts';
import { createBackfiller } from '../../src/ingest/backfiller.ts';
import { createMetrics } from '../../src/metrics.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { gocardless } from '../../src/providers/gocardless/index.ts';
import { paddle } from '../../src/providers/paddle/index.ts';
import type { EndpointSettings, Provider } from '../../src/providers/provider.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { batch, entry } from '../providers/gocardless/samples.ts';
import { paddleEvent, paddleTransaction } from '../providers/paddle/samples.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createPipeline, type Pipeline } from '../support/pipeline.ts';

/* What an adapter lists against what its webhooks brought: the same events, told otherwise than the webhook told them. */
const HOUR_MS = 3_600_000;
const AT = new Date(Date.now() - 2 * HOUR_MS).toISOString();
let database: TestDatabase;
let pipeline: Pipeline;
const endpoints: Endpoint[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  pipeline = await createPipeline(database, () => endpoints);
});
afterAll(async () => {
  await pipeline.stop();
  await database.drop();
});

async function newEndpoint(provider: Provider, settings: EndpointSettings): Promise<Endpoint> {
  const { rows } = await database.sql.query<{ id: number }>(
    `insert into postern.endpoints (provider, name, account) values ($1, 'main', 'main') returning id`,
    [provider.name],
  );
  const id = rows[0]?.id ?? 0;
  const endpoint = { id, provider, name: 'main', account: 'main', settings, disabled: false, secrets: [] };
  endpoints.push(endpoint);
  return endpoint;
}

/** Compares with a processor that lists `answer`, on one page. */
async function compared(endpoint: Endpoint, answer: string) {
  const id = uuidv7(Date.now());
  const [from, to] = [Date.now() - 24 * HOUR_MS, Date.now()];
  await withTransaction(database.appPool, (tx) =>
    insertBackfill(tx, { id, endpointId: endpoint.id, from, to, dryRun: false, scheduled: false, actor: 'test' }),
  );
  const backfiller = createBackfiller({
    pool: database.appPool,
    intake: pipeline.intake,
    endpoints: { byId: (one) => endpoints.find((endpoint) => endpoint.id === one), all: () => endpoints },
    call: async () => ({ status: 200, headers: {}, body: Buffer.from(answer) }),
    clock: { now: () => Date.now() },
    random: () => 0,
    log: database.log,
    metrics: createMetrics({ process: false }),
  });
  while (await backfiller.step(id));
  const [row] = await selectBackfills(database.app, { id }, { before: null, limit: 1 });
  const found = await selectBackfillEvents(database.app, id, { after: null, limit: 100 });
  return { row, outcomes: found.map((one) => `${one.event_id} ${one.outcome}`).sort() };
}

const outcome = async (endpoint: Endpoint, answer: string) =>
  (await compared(endpoint, answer)).outcomes.filter((text) => !text.endsWith(' unfinished'));

it("GoCardless: a listed event is the one of its webhook's batch, whatever its place, and a missing one is filled", async () => {
  const endpoint = await newEndpoint(gocardless, { api_key: 'live_made_token', accounts: ['OR1MADE'] });
  const event = (id: string, links: object = {}) =>
    entry('payments', 'confirmed', { payment: `PM${id}`, ...links }, { id, created_at: AT });
  const organisation = { organisation: 'OR1MADE' };
  await pipeline.deliver(endpoint, batch([event('EV1', organisation), event('EV2', organisation)]).toString());
  const list = JSON.stringify({
    events: [event('EV3'), event('EV2'), { ...event('EV1'), metadata: { since: 'changed' } }],
    meta: { cursors: { before: null, after: null }, limit: 500 },
  });
  expect(await outcome(endpoint, list)).toEqual(['EV3 filled']);
  expect(await outcome(endpoint, list)).toEqual([]);
  const { rows } = await database.sql.query<{ account: string }>(
    'select distinct account from postern.events where endpoint_id = $1',
    [endpoint.id],
  );
  expect(rows).toEqual([{ account: 'OR1MADE' }]);
  // Its webhook may come yet, with others.
  expect(await pipeline.deliver(endpoint, batch([event('EV3', organisation)]).toString())).toMatchObject({ stored: 0 });
});

it('Paddle: a listed event is the one of its delivery, and a missing one is filled; other money is a conflict', async () => {
  const endpoint = await newEndpoint(paddle, { api_key: 'pdl_live_apikey_madebyus0001' });
  const event = (id: string, change: object = {}, amount = '1100'): string => {
    const payments = [{ payment_attempt_id: 'at-1', status: 'captured', amount }];
    const data = paddleTransaction({ id: `txn_${id}`, payments });
    return paddleEvent('transaction.completed', data, { event_id: id, occurred_at: AT, ...change }).toString();
  };
  for (const id of ['evt_1', 'evt_2']) await pipeline.deliver(endpoint, event(id));
  const listed = { notification_id: undefined };
  const list = (...events: readonly string[]): string =>
    `{"data":[${events.join(',')}],"meta":{"pagination":{"has_more":false}}}`;
  const answer = list(event('evt_1', listed), event('evt_3', listed), event('evt_2', listed, '9'));
  expect(await outcome(endpoint, answer)).toEqual(['evt_2 conflict', 'evt_3 filled']);
  expect(await pipeline.deliver(endpoint, event('evt_3'))).toMatchObject({ stored: 0 });
});
