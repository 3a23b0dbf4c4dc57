import nock from 'nock';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { selectBackfillEvents, selectBackfills } from '../../src/api/backfill-store.ts';
import { createApiCalls } from '../../src/api-calls.ts';
import { createEgress } from '../../src/egress.ts';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { isListedHost } from '../../src/host-list.ts';
import { insertBackfill } from '../../src/ingest/backfill-store.ts';
import { type Backfiller, createBackfiller } from '../../src/ingest/backfiller.ts';
import { createMetrics } from '../../src/metrics.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { providers } from '../../src/providers/index.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { createPipeline, type Pipeline } from '../support/pipeline.ts';
import { adyenCase } from './searches/adyen.ts';
import { braintreeCase } from './searches/braintree.ts';
import { checkoutCase } from './searches/checkout.ts';
import { flutterwaveCase } from './searches/flutterwave.ts';
import { paystackCase } from './searches/paystack.ts';
import type { SearchCase } from './searches/search-case.ts';
import { shopifyCase } from './searches/shopify.ts';

/*
 * Processors that list objects as they are, and no events: what their webhooks told and what is listed are other events, with
 * other bytes, and must post once all the same. Through Postgres, the worker, the fetcher and the egress.
 */
const cases: readonly SearchCase[] = [
  checkoutCase,
  braintreeCase,
  shopifyCase,
  paystackCase,
  flutterwaveCase,
  adyenCase,
];
const HOUR_MS = 3_600_000;
let database: TestDatabase;
let pipeline: Pipeline;
let backfiller: Backfiller;
const endpoints: Endpoint[] = [];
const egress = createEgress({
  allowHosts: [...providers.values()].flatMap(({ api }) => api?.hosts ?? []),
  resolve: async () => [{ address: '93.184.216.34', family: 4 }],
  timeoutMs: 5_000,
});
const calls = createApiCalls(egress);

beforeAll(async () => {
  nock.disableNetConnect();
  nock.enableNetConnect(/127\.0\.0\.1|localhost/);
  database = await createTestDatabase();
  pipeline = await createPipeline(database, () => endpoints, {
    api: (call) => calls(providerOf(call.host), call),
  });
  pipeline.worker.start();
  pipeline.fetcher.start();
  backfiller = createBackfiller({
    pool: database.appPool,
    intake: pipeline.intake,
    endpoints: { byId: (id) => endpoints.find((one) => one.id === id), all: () => endpoints },
    call: calls,
    clock: { now: () => Date.now() },
    random: () => 0,
    log: database.log,
    metrics: createMetrics({ process: false }),
  });
});
afterEach(() => nock.cleanAll());
afterAll(async () => {
  await pipeline.stop();
  egress.close();
  await database.drop();
  nock.restore();
});

function providerOf(host: string) {
  const found = cases.find(({ provider }) => isListedHost(host, provider.api?.hosts ?? []));
  if (found === undefined) throw new Error(`${host} is nobody's`);
  return found.provider;
}

let made = 0;

async function newEndpoint({ provider, settings }: SearchCase): Promise<Endpoint> {
  made += 1;
  const name = `e${made}`;
  const account = settings.account ?? name;
  const { rows } = await database.sql.query<{ id: number }>(
    'insert into postern.endpoints (provider, name, account) values ($1, $2, $3) returning id',
    [provider.name, name, account],
  );
  const id = rows[0]?.id ?? 0;
  const endpoint = { id, provider, name, account, settings, disabled: false, secrets: [] };
  endpoints.push(endpoint);
  return endpoint;
}

async function asked(endpoint: Endpoint): Promise<string> {
  const id = uuidv7(Date.now());
  const [from, to] = [Date.now() - 24 * HOUR_MS, Date.now() - HOUR_MS];
  await withTransaction(database.appPool, (tx) =>
    insertBackfill(tx, { id, endpointId: endpoint.id, from, to, dryRun: false, scheduled: false, actor: 'test' }),
  );
  return id;
}

async function rowOf(id: string) {
  const [row] = await selectBackfills(database.app, { id }, { before: null, limit: 1 });
  return row;
}

async function compared(endpoint: Endpoint): Promise<string[]> {
  const id = await asked(endpoint);
  while (await backfiller.step(id));
  // Objects are what no webhook brings: none is a gap.
  expect(await rowOf(id)).toMatchObject({ status: 'done', error: null, gaps: 0n });
  const found = await selectBackfillEvents(database.app, id, { after: null, limit: 100 });
  return found.map((one) => `${one.event_id} ${one.outcome}`).sort();
}

/** When all that came is worked: each event's status, and what each effect key took from or put on the processor's account. */
async function settled(
  endpoint: Endpoint,
  { account = endpoint.account }: SearchCase,
): Promise<Record<string, string>> {
  await eventually(
    async () => {
      const { rows } = await database.sql.query<{ event_id: string; status: string; reason: string | null }>(
        `select event_id, status, coalesce(error_message, reason) as reason from postern.events where endpoint_id = $1`,
        [endpoint.id],
      );
      expect(rows.filter(({ status }) => status !== 'posted' && status !== 'no_effect')).toEqual([]);
    },
    { timeoutMs: 15_000 },
  );
  const conflicts = await database.sql.query('select effect_key from postern.effect_conflicts');
  expect(conflicts.rows).toEqual([]);
  const { rows } = await database.sql.query<{ key: string; amount: string }>(
    `select substr(t.effect_key, length($1) + 1) as key, sum(p.amount)::text as amount
     from postern.transactions t join postern.postings p on p.transaction_id = t.id
     join postern.accounts a on a.id = p.account_id
     where starts_with(t.effect_key, $1) and a.path like 'asset:processor_%'
     group by 1`,
    [`${endpoint.provider.name}:${account}:`],
  );
  return Object.fromEntries(rows.map(({ key, amount }) => [key, amount]));
}

describe.each(cases.map((one) => [one.provider.title, one] as const))('%s', (_title, one) => {
  const api = () => nock(`https://${one.host}`);

  it('fills what no webhook told, and posts each movement once, whichever tells it first', async () => {
    const endpoint = await newEndpoint(one);
    one.answers(api());
    await pipeline.deliver(endpoint, one.came, one.level);
    expect(await compared(endpoint)).toEqual(one.found);
    expect(await settled(endpoint, one)).toEqual(one.posted);
    one.answers(api());
    expect(await compared(endpoint)).toEqual([]);
    await pipeline.deliver(endpoint, one.late, one.level);
    expect(await settled(endpoint, one)).toEqual(one.posted);
  });

  it('says which permission the key lacks', async () => {
    const endpoint = await newEndpoint(one);
    one.first(api()).query(true).reply(403);
    const id = await asked(endpoint);
    while (await backfiller.step(id));
    expect(await rowOf(id)).toMatchObject({ status: 'failed', error: expect.stringContaining(one.permission) });
  });

  it('waits as long as it is asked to', async () => {
    const endpoint = await newEndpoint(one);
    one.first(api()).query(true).reply(429, '', { 'retry-after': '77' });
    const id = await asked(endpoint);
    expect(await backfiller.step(id)).toBe(true);
    expect(await backfiller.step(id)).toBe(false);
    const row = await rowOf(id);
    expect(row).toMatchObject({ status: 'running', error: 'answered 429' });
  });

  it('takes an answer that is none for no end', async () => {
    const endpoint = await newEndpoint(one);
    for (const body of ['<html>busy</html>', '{"status":"ok"}', '']) {
      one.first(api()).query(true).reply(200, body);
      const id = await asked(endpoint);
      while (await backfiller.step(id));
      expect((await rowOf(id))?.status, body).toBe('failed');
    }
  });
});
