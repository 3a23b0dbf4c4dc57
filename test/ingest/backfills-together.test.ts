import nock from 'nock';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type BackfillRow, selectBackfills } from '../../src/api/backfill-store.ts';
import { type ApiCalls, createApiCalls } from '../../src/api-calls.ts';
import { createEgress } from '../../src/egress.ts';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { insertBackfill } from '../../src/ingest/backfill-store.ts';
import { type Backfiller, createBackfiller } from '../../src/ingest/backfiller.ts';
import { createMetrics } from '../../src/metrics.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import type { ApiAnswer, Provider } from '../../src/providers/provider.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { createListing } from '../support/listing-provider.ts';
import { createPipeline, type Pipeline } from '../support/pipeline.ts';

/* Backfills of several processors at once: what one of them does is no other's affair. */

const HOUR_MS = 3_600_000;
const hostOf = (name: string): string => `api.${name}.example`;
const PROVIDERS = new Map(
  ['away', 'slow', 'quick', 'fourth', 'fifth', 'sixth'].map((name) => [name, createListing(name, hostOf(name))]),
);

let database: TestDatabase;
let pipeline: Pipeline;
const endpoints: Endpoint[] = [];
const backfillers: Backfiller[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  pipeline = await createPipeline(database, () => endpoints);
});
afterEach(async () => {
  await Promise.all(backfillers.splice(0).map((one) => one.stop()));
  await database.sql.query('delete from postern.backfills');
});
afterAll(async () => {
  await pipeline.stop();
  await database.drop();
});

function start(call: ApiCalls): void {
  const backfiller = createBackfiller({
    pool: database.appPool,
    intake: pipeline.intake,
    // Nothing on schedule: these tests ask themselves.
    endpoints: { byId: (id) => endpoints.find((one) => one.id === id), all: () => [] },
    call,
    clock: { now: () => Date.now() },
    random: () => 0,
    log: database.log,
    metrics: createMetrics({ process: false }),
  });
  backfillers.push(backfiller);
  backfiller.start();
}

async function newEndpoint(providerName: string): Promise<Endpoint> {
  const provider = PROVIDERS.get(providerName);
  if (provider === undefined) throw new Error(`no provider ${providerName}`);
  const name = `t${endpoints.length + 1}`;
  const { rows } = await database.sql.query<{ id: number }>(
    'insert into postern.endpoints (provider, name, account) values ($1, $2, $2) returning id',
    [provider.name, name],
  );
  const settings = { api_key: name };
  const endpoint = { id: rows[0]?.id ?? 0, provider, name, account: name, settings, disabled: false, secrets: [] };
  endpoints.push(endpoint);
  return endpoint;
}

async function ask({ id: endpointId }: Endpoint): Promise<string> {
  const now = Date.now();
  const id = uuidv7(now);
  const range = { from: now - 24 * HOUR_MS, to: now };
  await withTransaction(database.appPool, (tx) =>
    insertBackfill(tx, { id, endpointId, ...range, dryRun: false, scheduled: false, actor: 'test' }),
  );
  return id;
}

async function report(id: string): Promise<BackfillRow | undefined> {
  const [row] = await selectBackfills(database.app, { id }, { before: null, limit: 1 });
  return row;
}

const becomes = (id: string, row: Partial<BackfillRow>): Promise<void> =>
  eventually(async () => expect(await report(id)).toMatchObject(row), { timeoutMs: 10_000 });

const page = (events: string, next: string | null = null): ApiAnswer => ({
  status: 200,
  headers: {},
  body: Buffer.from(`{"data":[${events}],"next":${JSON.stringify(next)}}`),
});
const oneEvent = (id: string): string => `{"id":"${id}","type":"paid","amount":"5","at":${Date.now() - 2 * HOUR_MS}}`;

/** Answers that hang until `answer` lets them go; `under way` by processor. */
function hanging(...names: readonly string[]) {
  const most = new Map<string, number>();
  const now = new Map<string, number>();
  let asked = 0;
  let answer: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const call = async ({ name }: Provider): Promise<ApiAnswer> => {
    asked += 1;
    now.set(name, (now.get(name) ?? 0) + 1);
    most.set(name, Math.max(most.get(name) ?? 0, now.get(name) ?? 0));
    most.set(
      'all',
      Math.max(
        most.get('all') ?? 0,
        [...now.values()].reduce((sum, one) => sum + one),
      ),
    );
    if (names.includes(name)) await released;
    now.set(name, (now.get(name) ?? 0) - 1);
    return page('');
  };
  return { call, most, asked: () => asked, answer: () => answer() };
}

it('goes on with the others while one processor never answers, through the real way out', async () => {
  nock(`https://${hostOf('away')}`)
    .get(/events/)
    .delay(60_000)
    .reply(200, '{"data":[]}');
  nock(`https://${hostOf('quick')}`)
    .get(/events/)
    .reply(200, `{"data":[${oneEvent('q1')}],"next":"p2"}`);
  nock(`https://${hostOf('quick')}`)
    .get(/events/)
    .reply(200, `{"data":[${oneEvent('q2')}]}`);
  const egress = createEgress({
    allowHosts: [hostOf('away'), hostOf('quick')],
    resolve: async () => [{ address: '93.184.216.34', family: 4 }],
    timeoutMs: 3_000,
  });
  try {
    const away = await ask(await newEndpoint('away'));
    start(createApiCalls(egress));
    await becomes(away, { status: 'running', error: null });
    const quick = await ask(await newEndpoint('quick'));
    await becomes(quick, { status: 'done', filled: 2n, pages: 2 });
    expect(await report(away), 'still asked').toMatchObject({ status: 'running', error: null });
    await eventually(async () => expect((await report(away))?.error).not.toBeNull(), { timeoutMs: 10_000 });
    expect(await report(away)).toMatchObject({ status: 'running', pages: 0 });
  } finally {
    egress.close();
    nock.cleanAll();
    nock.restore();
  }
});

it('asks a processor one page at a time, whatever endpoints and processes there are', async () => {
  const { call, most, answer, asked } = hanging('slow');
  const ids = [await ask(await newEndpoint('slow'))];
  const second = await newEndpoint('slow');
  for (let n = 0; n < 2; n += 1) ids.push(await ask(second));
  start(call);
  start(call);
  const quick = await ask(await newEndpoint('quick'));
  await becomes(quick, { status: 'done' });
  expect(asked()).toBe(2);
  answer();
  for (const id of ids) await becomes(id, { status: 'done' });
  expect(most.get('slow')).toBe(1);
});

it('asks so many processors at once and no more', async () => {
  const { call, most, answer } = hanging(...PROVIDERS.keys());
  const ids = [];
  for (const name of PROVIDERS.keys()) ids.push(await ask(await newEndpoint(name)));
  start(call);
  await eventually(async () => expect(most.get('all')).toBe(4));
  answer();
  for (const id of ids) await becomes(id, { status: 'done' });
  expect(most.get('all')).toBe(4);
});

it('asks nothing for an endpoint whose processor said to wait, and says so on all that wait', async () => {
  const endpoint = await newEndpoint('slow');
  let asked = 0;
  const [first, second] = [await ask(endpoint), await ask(endpoint)];
  start(async () => {
    asked += 1;
    return { status: 429, headers: {}, body: Buffer.alloc(0) };
  });
  await becomes(first, { status: 'running', error: 'too many calls' });
  await becomes(second, { status: 'queued', error: 'too many calls' });
  const other = await ask(await newEndpoint('slow'));
  await becomes(other, { error: 'too many calls' });
  expect(asked).toBe(2);
});

it('takes the page of a process that died once its lease is over, and meanwhile goes on elsewhere', async () => {
  const endpoint = await newEndpoint('slow');
  const id = await ask(endpoint);
  await database.sql.query(
    `update postern.backfills set status = 'running', lease = gen_random_uuid(), due_at = now() + interval '1 minute' where id = $1`,
    [id],
  );
  const { call, asked } = hanging();
  const waiting = await ask(endpoint);
  const quick = await ask(await newEndpoint('quick'));
  start(call);
  await becomes(quick, { status: 'done' });
  expect(asked()).toBe(1);
  expect(await report(waiting)).toMatchObject({ status: 'queued' });
  await database.sql.query('update postern.backfills set due_at = now() where id = $1', [id]);
  await becomes(id, { status: 'done' });
  await becomes(waiting, { status: 'done' });
});
